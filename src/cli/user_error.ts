/** A mistake that the user can mend: the command line prints its message in one line and exits with 2. */
export class UserError extends Error {}

/** For checks whose errors are the user's to mend, and that live where nothing is known of a command line. */
export function asUserError<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

/** What is wrong, in one line; null when nothing is. */
export function asMessage(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
