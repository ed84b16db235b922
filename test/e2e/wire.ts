/** Commands to a browser and its events, as JSON through a WebSocket: WebDriver BiDi and the DevTools protocol alike. */
import { type ChildProcess, spawn } from "node:child_process";
import WebSocket from "ws";

/** What a browser answers. */
// biome-ignore lint/suspicious/noExplicitAny: every command has an answer of its own
export type Answer = any;

interface Message {
  id?: number;
  method?: string;
  params?: Answer;
  result?: Answer;
  error?: string | { message: string };
  message?: string;
}

export class Wire {
  private readonly waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  private sent = 0;

  private constructor(
    private readonly socket: WebSocket,
    onEvent: (method: string, params: Answer) => void,
  ) {
    socket.on("message", (text) => {
      const message = JSON.parse(String(text)) as Message;
      if (message.id === undefined) return onEvent(message.method!, message.params);
      const call = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      const { error } = message;
      if (error === undefined) call?.resolve(message.result);
      else call?.reject(new Error(typeof error === "string" ? `${error}: ${message.message}` : error.message));
    });
    socket.on("close", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the browser has gone"));
    });
  }

  static async open(url: string, onEvent: (method: string, params: Answer) => void): Promise<Wire> {
    const socket = new WebSocket(url, { maxPayload: 2 ** 30 });
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return new Wire(socket, onEvent);
  }

  /** @param session DevTools only: the target's */
  send(method: string, params: object = {}, session?: string): Promise<Answer> {
    const id = ++this.sent;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params, sessionId: session }));
    });
  }

  close(): void {
    this.socket.close();
  }
}

/** Starts a browser. @param announces what it says on stderr once it listens @returns the process and where it listens */
export async function startBrowser(
  path: string,
  args: string[],
  announces: RegExp,
  env: Record<string, string | undefined> = process.env,
): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"], env });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const [, found] = announces.exec(said) ?? [];
      if (found) resolve(found);
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${path} ended with ${code}:\n${said}`)));
  });
  return { child, url };
}
