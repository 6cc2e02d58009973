// The gateway's clock, estimated on a device whose own may be wrong.

const HEARD_MOST = 60;

export class Clock {
  private offsets: number[] = []; // this device's clock less the gateway's, of the last frames, ms

  heard(hereMs: number, thereMs: number): void {
    this.offsets.push(hereMs - thereMs);
    if (this.offsets.length > HEARD_MOST) this.offsets.shift();
  }

  /** How far this device is ahead, ms: a frame's journey only adds, so the least is nearest to the truth. */
  get aheadMs(): number {
    return this.offsets.length === 0 ? 0 : Math.min(...this.offsets);
  }

  now(hereMs: number): number {
    return hereMs - this.aheadMs;
  }
}
