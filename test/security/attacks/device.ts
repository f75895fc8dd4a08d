import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { barrier } from "holdfast/testing";
import type { Answer } from "../../../src/testing/adapters/client.ts";
import { challengeIn, type Device, newDevice, proving, registering, unsigned } from "../device.ts";
import type { Guest } from "../guest.ts";
import type { App, Probe } from "../target.ts";

export const HTTPS = { "x-forwarded-proto": "https" };

const MINUTE = 60_000;
const REFRESHED = 200;
const ASKED_AGAIN = 403;
const REFUSED = 401;

/** A visitor whose browser binds its session to a device. */
export interface Bound {
  readonly guest: Guest;
  readonly device: Device;
  readonly handle: string;
  user(guest?: Guest): Promise<string>;
  /** What the browser is to sign now. */
  challenge(): Promise<string>;
  /** Shows a JWT, as whoever sends these cookies. */
  show(jwt: string, guest?: Guest): Promise<Answer>;
  prove(by?: Device): Promise<Answer>;
}

export const askDevice = (guest: Guest, headers: Record<string, string>): Promise<Answer> =>
  guest.post("/device", { ...HTTPS, ...headers });

export const login = async (guest: Guest, user = "ada"): Promise<Answer> => {
  const call = guest.begin("POST", "/login", { ...HTTPS, "content-length": String(user.length) });
  call.write(user);
  call.end();
  return guest.finish(call);
};

export async function bound(app: App, device?: Device): Promise<Bound> {
  const own = device ?? (await newDevice());
  const guest = app.visitor();
  const asked = challengeIn((await login(guest)).get("secure-session-registration"));
  assert.equal((await askDevice(guest, await registering(own, asked))).status, 200);
  const user = async (visitor = guest): Promise<string> => (await visitor.get("/user", HTTPS)).text;
  // The browser shows its proof: from here on it has to.
  assert.equal(await user(), "ada");
  await app.elapse(MINUTE);
  const handle = guest.id.split(".")[0]!;
  const challenge = async () =>
    challengeIn((await askDevice(guest, await proving(handle))).get("secure-session-challenge"));
  const show = (jwt: string, visitor = guest) =>
    askDevice(visitor, { "sec-secure-session-id": handle, "secure-session-response": jwt });
  return {
    guest,
    device: own,
    handle,
    user,
    challenge,
    show,
    prove: async (by = own) => show(await by.sign({ jti: await challenge() })),
  };
}

/** That what was tried opened nothing, and cost the visitor nothing. */
async function assertUnharmed({ user, prove }: Bound, what: string): Promise<void> {
  assert.equal(await user(), "ada", `${what}: the visitor's own session does not open`);
  assert.equal((await prove()).status, REFRESHED, `${what}: the visitor's own device is refused`);
}

export const device: readonly Probe[] = [
  {
    number: 26,
    name: "no one but the device proves a bound session, nor undoes it: forged, replayed, stale and foreign proofs, a thief, a logout (device binding)",
    async run(start) {
      let held: { read: () => Promise<void>; rotated: () => Promise<void> } | undefined;
      const app = await start({
        deviceBound: true,
        behindProxy: true,
        routes: {
          "POST /rotate-late": async ({ session }) => {
            session.user();
            await held?.read();
            await session.rotate();
            await held?.rotated();
            return { body: "rotated" };
          },
        },
      });
      const victim = await bound(app);
      const other = await bound(app);
      const { device, guest, handle, challenge, show } = victim;

      // A key of another's, and the right one's JWT made otherwise.
      const jti = await challenge();
      const x = await newDevice();
      const hmac = unsigned({ alg: "HS256" }, { jti }).slice(0, -1);
      const forged: Record<string, string> = {
        "another key": await x.sign({ jti }),
        "another session's key": await other.device.sign({ jti }),
        "another key, brought along": await x.sign({ jti }, { jwk: x.jwk }),
        "the right key, brought along": await device.sign({ jti }, { jwk: device.jwk }),
        "alg none": unsigned({ alg: "none" }, { jti }),
        "alg none with a signature": unsigned({ alg: "none" }, { jti }, "AAAA"),
        "alg HS256, by the public key": `${hmac}.${createHmac("sha256", JSON.stringify(device.jwk)).update(hmac).digest("base64url")}`,
        "alg RS256, by a key of its own": await (await newDevice("RS256")).sign({ jti }),
        "a signature that is none": unsigned({ alg: "ES256" }, { jti }, "A".repeat(86)),
        "a JWT of another kind": await device.sign({ jti }, { typ: "JWT" }),
        "a JWT for another site": await device.sign({ jti, aud: "https://evil.test/device" }),
        garbage: "~.~.~",
      };
      for (const [what, jwt] of Object.entries(forged)) {
        const { status, cookies } = await show(jwt);
        assert.deepEqual([status, cookies], [REFUSED, []], what);
      }
      await assertUnharmed(victim, "forgery");

      // Signed by the device, for a challenge that isn't its own, or not any more.
      const foreign = await show(await device.sign({ jti: await other.challenge() }));
      assert.deepEqual([foreign.status, foreign.cookies], [ASKED_AGAIN, []], "a foreign challenge");
      const once = await device.sign({ jti: await challenge() });
      assert.equal((await show(once)).status, REFRESHED);
      const again = await show(once, guest.copy());
      assert.deepEqual([again.status, again.cookies], [ASKED_AGAIN, []], "a replayed JWT");
      const stored = await device.sign({ jti: await challenge() });
      await app.elapse(21 * MINUTE);
      const stale = await show(stored);
      assert.deepEqual([stale.status, stale.cookies], [ASKED_AGAIN, []], "a stale challenge");
      assert.equal((await victim.prove()).status, REFRESHED);
      const crossed = await askDevice(guest, await proving(other.handle, device, await challenge()));
      assert.equal(crossed.status, REFUSED, "a foreign session's id");
      await assertUnharmed(victim, "challenges");
      assert.equal((await other.prove()).status, REFRESHED);
      assert.equal(await other.user(), "ada");

      // Who copied the cookies: it has what is left of the proof's time, and can't get more.
      const thief = guest.copy();
      assert.equal(await victim.user(thief), "ada");
      const own = await newDevice();
      for (const guessed of [await challenge(), handle, thief.id, ""]) {
        const registration = await askDevice(thief, await registering(own, guessed));
        assert.deepEqual([registration.status, registration.cookies], [REFUSED, []], "a thief registered a key");
      }
      const { cookies } = await thief.post("/rotate", HTTPS);
      assert.equal(cookies.length, 1);
      await app.elapse(11 * MINUTE);
      assert.equal(await victim.user(thief), "nobody", "a stolen proof outlives its time");
      assert.equal((await show(await own.sign({ jti: await challenge() }), thief)).status, REFUSED);
      assert.ok(await app.isServed(thief.id), "the thief ended the session");

      // A proof while the id changes, in both orders.
      const third = await bound(app);
      for (const first of ["proof", "rotation"]) {
        const bothHaveRead = barrier(2);
        const proofIsIn = barrier(2);
        held = { read: bothHaveRead.arrive, rotated: first === "rotation" ? proofIsIn.arrive : async () => {} };
        const jwt = await third.device.sign({ jti: await third.challenge() });
        const rotating = third.guest.begin("POST", "/rotate-late", { ...HTTPS, "content-length": "0" });
        rotating.end();
        if (first === "proof") {
          assert.equal((await third.show(jwt)).status, REFRESHED);
          await bothHaveRead.arrive();
        } else {
          await bothHaveRead.arrive();
          assert.equal((await third.show(jwt)).status, REFRESHED);
          await proofIsIn.arrive();
        }
        assert.equal((await third.guest.finish(rotating)).status, 200);
        await app.elapse(MINUTE);
        await assertUnharmed(third, `a ${first} that came first`);
      }

      // After the logout the key is worth nothing.
      const kept = await third.device.sign({ jti: await third.challenge() });
      const rows = (await app.rows()).length;
      await third.guest.post("/logout", HTTPS);
      const late = await third.show(kept);
      assert.deepEqual([late.status, late.cookies], [REFUSED, []], "a proof after the logout");
      assert.equal((await app.rows()).length, rows - 1);
    },
  },
];
