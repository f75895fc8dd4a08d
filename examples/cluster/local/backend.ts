/** What the app's processes share. */
export interface Backend {
  readonly name: string;
  /** How they find it. */
  readonly env: NodeJS.ProcessEnv;
  /** Breaks something of it, tells what, and resolves when it is whole again. */
  disturb(tell: (what: string) => void): Promise<void>;
  end(): Promise<void>;
}
