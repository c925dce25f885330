/** What is shown when the server wants to know who asks. */
import { Mark } from "../ui/icons";

export function TokenView() {
  return (
    <main class="content">
      <form class="card" method="get" action="/">
        <span class="brand">
          <Mark /> Alpha-Factory
        </span>
        <h1>This server wants its token</h1>
        <p class="soft">
          Whoever started it got a link with the token, printed once. Open that link again, or put the token here. It is kept by this browser as a
          cookie that no script can read.
        </p>
        <label class="field">
          Token
          <input name="token" type="password" autocomplete="current-password" required />
        </label>
        <div class="row">
          <button class="button main" type="submit">
            Open the page
          </button>
        </div>
      </form>
    </main>
  );
}
