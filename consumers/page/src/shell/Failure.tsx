import { ApiError } from "../api";
import { Button } from "../parts";

/** What went wrong where a view should be, and a way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const what =
    error instanceof ApiError ? error.message : "The API cannot be reached. Is it up? `runfold status` tells.";
  return (
    <div class="empty" role="alert">
      <h1>This could not be shown</h1>
      <p>{what}</p>
      <Button onClick={onRetry ?? (() => location.reload())}>Try again</Button>
    </div>
  );
}
