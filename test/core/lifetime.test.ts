import { describe, expect, it } from "vitest";
import { absoluteEnd, cookieEnd, expiry, isLive, shouldTouch } from "../../src/core/lifetime.ts";

const limits = { idle: 1000, absolute: 5000, renew: 500 };
const record = (createdAt: number, touchedAt: number, authenticatedAt?: number) => {
  const times = { createdAt, touchedAt, authenticatedAt };
  return { ...times, expiresAt: expiry(times, limits), secretHash: "", entries: new Map(), version: 1 };
};

describe("a session's lifetime", () => {
  it("ends at the nearer of both timeouts", () => {
    expect(expiry({ createdAt: 0, touchedAt: 100 }, limits)).toBe(1100);
    expect(expiry({ createdAt: 0, touchedAt: 4500 }, limits)).toBe(5000);
  });

  it("counts the absolute timeout from the last login, which use never moves", () => {
    expect(absoluteEnd({ createdAt: 0, touchedAt: 4500 }, limits)).toBe(5000);
    expect(absoluteEnd({ createdAt: 0, touchedAt: 4500, authenticatedAt: 3000 }, limits)).toBe(8000);
  });

  it("is over at the very millisecond of its end", () => {
    expect(isLive(record(0, 0), limits, 999)).toBe(true);
    expect(isLive(record(0, 0), limits, 1000)).toBe(false);
  });

  it("is judged by today's timeouts: shorter ones end sessions that were stored under longer ones", () => {
    expect(isLive(record(0, 0), { idle: 500, absolute: 5000, renew: 500 }, 600)).toBe(false);
    expect(isLive(record(0, 0), { idle: 9000, absolute: 9000, renew: 500 }, 1500)).toBe(false);
  });

  it("is extended once a tenth of the idle time has passed", () => {
    expect(shouldTouch(record(0, 100), limits, 199)).toBe(false);
    expect(shouldTouch(record(0, 100), limits, 200)).toBe(true);
  });

  it("may have one of the timeouts off", () => {
    expect(expiry({ createdAt: 0, touchedAt: 0 }, { idle: Infinity, absolute: 5000, renew: 500 })).toBe(5000);
    expect(shouldTouch(record(0, 0), { idle: Infinity, absolute: 5000, renew: 500 }, 4000)).toBe(false);
    expect(expiry({ createdAt: 0, touchedAt: 7000 }, { idle: 1000, absolute: Infinity, renew: 500 })).toBe(8000);
  });

  it("keeps a persistent cookie to the absolute end, or where there is none, with use", () => {
    expect(cookieEnd(record(0, 100), limits)).toBe(5000);
    expect(cookieEnd(record(0, 100), { idle: 1000, absolute: Infinity, renew: 500 })).toBe(1100);
  });
});
