/** A mistake that the user can fix: the command line prints its message in one line and exits with 2. */
export class UserError extends Error {}

/** Runs checks that do not know about the command line, and turns their errors into UserErrors. */
export function asUserError<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

/** Runs a check. @returns its error in one line; null if there is none */
export function asMessage(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
