/** A queue: tasks start in order, as long as the total weight of those running stays within a limit, or one runs alone. */
export class Gate {
  private underWay = 0;
  private readonly waiting: { weight: number; begin(): void }[] = [];

  constructor(private readonly limit: number) {}

  async pass<T>(weight: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.waiting.push({ weight, begin });
      this.admit();
    });
    try {
      return await work();
    } finally {
      this.underWay -= weight;
      this.admit();
    }
  }

  private admit(): void {
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      if (this.underWay > 0 && this.underWay + next.weight > this.limit) return;
      this.waiting.shift();
      this.underWay += next.weight;
      next.begin();
    }
  }
}
