import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, type Machine, type Process } from "./machine.ts";

const site = join(import.meta.dirname, "../nginx.conf");

/** nginx as nginx.conf has it, in front of these processes. */
export async function startNginx(machine: Machine, apps: readonly Process[]): Promise<Process> {
  const [port] = (await freePorts(1)) as [number];
  const text = readFileSync(site, "utf8")
    .replace("listen 8080", `listen 127.0.0.1:${port}`)
    .replace(/app(\d):3000/g, (_, number) => `127.0.0.1:${apps[number - 1]!.port}`);

  return machine.run("nginx", port, (folder) => {
    writeFileSync(join(folder, "site.conf"), text);
    writeFileSync(join(folder, "main.conf"), MAIN);
    return {
      file: process.env.NGINX_PATH || "/usr/sbin/nginx",
      args: ["-p", folder, "-c", "main.conf", "-e", "stderr"],
    };
  });
}

/** For one process that anybody may start. A system's own nginx has all this already. */
const MAIN = `
daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path temp_body;
    proxy_temp_path temp_proxy;
    fastcgi_temp_path temp_fastcgi;
    uwsgi_temp_path temp_uwsgi;
    scgi_temp_path temp_scgi;
    include site.conf;
}
`;
