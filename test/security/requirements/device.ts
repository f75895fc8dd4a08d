import assert from "node:assert/strict";
import { askDevice, bound, HTTPS, login } from "../attacks/device.ts";
import { challengeIn, newDevice, registering, unsigned } from "../device.ts";
import type { Probe } from "../target.ts";

const MINUTE = 60_000;

export const device: readonly Probe[] = [
  {
    number: 28,
    name: "a session can be bound to its device: algorithms from a list, never none, the key pinned, typ and aud checked (ASVS 9.1.2, 9.2.3)",
    async run(start) {
      const app = await start({ deviceBound: true, behindProxy: true });

      // What a registration must be, to be one.
      const guest = app.visitor();
      const asked = (await login(guest)).get("secure-session-registration");
      assert.match(asked ?? "", /^\(ES256 RS256\);/);
      const jti = challengeIn(asked);
      const device = await newDevice();
      const { jwk } = device;
      const refused: Record<string, string> = {
        "no algorithm": unsigned({ alg: "none", jwk }, { jti }),
        "an algorithm that is not on the list": await (async (other) => other.sign({ jti }, { jwk: other.jwk }))(
          await newDevice("ES384"),
        ),
        "a key that is not its own": await device.sign({ jti }, { jwk: (await newDevice()).jwk }),
        "a key of another kind than its algorithm": await device.sign({ jti }, { jwk: (await newDevice("RS256")).jwk }),
        "a point that is not on the curve": await device.sign({ jti }, { jwk: { ...jwk, y: "A".repeat(43) } }),
        "no key": await device.sign({ jti }),
        "another typ": await device.sign({ jti }, { jwk, typ: "jwt" }),
        "another site's endpoint": await device.sign({ jti, aud: "https://evil.test/device" }, { jwk }),
        "another endpoint": await device.sign({ jti, aud: `${app.url}/login` }, { jwk }),
        "another challenge": await device.sign({ jti: `${jti.slice(0, -1)}~` }, { jwk }),
        "no challenge": await device.sign({}, { jwk }),
      };
      for (const [what, jwt] of Object.entries(refused)) {
        const { status, cookies } = await askDevice(guest, { "secure-session-response": jwt });
        assert.deepEqual([status, cookies], [401, []], what);
      }
      const crossSite = { origin: "https://evil.test", ...(await registering(device, jti)) };
      assert.equal((await askDevice(guest, crossSite)).status, 401, "another site's page");
      assert.equal((await askDevice(app.visitor(), await registering(device, jti))).status, 401, "without the cookie");
      assert.equal((await guest.get("/device", HTTPS)).status === 200, false, "by GET");
      const jwt = await device.sign({ jti, aud: `${app.url}/device` }, { jwk });
      const { status, cookies, get } = await askDevice(guest, {
        origin: app.url,
        "secure-session-response": `"${jwt}"`,
      });
      assert.equal(status, 200);
      assert.match(get("cache-control") ?? "", /no-store/);
      assert.match(cookies[0] ?? "", /^__Host-[^;]+; (?=.*HttpOnly)(?=.*Secure)(?=.*SameSite=Lax).*Max-Age=600/);

      // What comes of it, by either algorithm of the list.
      for (const alg of ["ES256", "RS256"] as const) {
        const { guest, user, prove } = await bound(app, await newDevice(alg));
        const copy = guest.copy();
        await app.elapse(9 * MINUTE);
        assert.equal((await prove()).status, 200);
        await app.elapse(MINUTE);
        assert.equal(await user(), "ada");
        assert.equal(await user(copy), "nobody", "a copied proof opens the session");
      }

      // A browser that can't bind is not locked out.
      const plain = app.visitor();
      await login(plain);
      await app.elapse(20 * MINUTE);
      assert.equal((await plain.get("/user", HTTPS)).text, "ada");
    },
  },
];
