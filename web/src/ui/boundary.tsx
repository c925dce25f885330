/** Keeps an error in one view from taking the page with it: what is in the files of a run is not always what it should be. */
import { Component, type ComponentChildren } from "preact";

interface Props {
  /** What is inside; another one is tried afresh. */
  what: string;
  children: ComponentChildren;
}

export class Boundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static override getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
  }

  override componentDidUpdate(before: Props): void {
    if (before.what !== this.props.what && this.state.error) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div class="notice bad" role="alert">
        <p>
          <strong>This view can’t be shown.</strong> {`Something that it was given is not as it should be: ${error.message}`}
        </p>
        <button class="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </div>
    );
  }
}
