"""What a recurrent policy remembers: LSTM, GRU and S5 behind one interface (`memory.Memory`)."""
