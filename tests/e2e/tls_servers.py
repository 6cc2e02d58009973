"""TLS servers of Debian's packages on loopback: many at once, each configured to the letter. Not a module of tests.

A Park starts servers side by side and ends them with its block. s_server and gnutls-serv serve one connection after
another, which is what one probe makes of them.
"""
import contextlib
import pathlib
import random
import re
import socket
import subprocess
import time

from conftest import START_TIMEOUT_S, program, wait_for_listener

taken_ports = set()


def service_port():
    """A free port below the range from which the kernel takes those of clients, so that it stays free until the server has it."""
    while True:
        port = random.randrange(15000, 32000)
        if port in taken_ports:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            taken_ports.add(port)
            return port


class Park:
    """park.s_server(…) → its port, at once; park.ready() waits for all of them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.running = []  # (process, port, log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, _, _ in self.running:
            process.terminate()
        for process, _, _ in self.running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()

    def start(self, command, port, environment=None):
        log = self.folder / f"server-{port}.log"
        with open(log, "wb") as output:  # standard input stays open: s_server ends with it
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=output,
                                       stderr=subprocess.STDOUT, env=environment)
        self.running.append((process, port, log))
        return port

    def ready(self):
        for process, port, log in self.running:
            try:
                wait_for_listener(port, process)
            except BaseException:
                print(log.read_text(errors="replace"))
                raise

    # --- the servers ------------------------------------------------------------------------------------------------------

    def s_server(self, certificate, *arguments, page=True):
        """page: it answers HTTP; else it answers nothing."""
        port = service_port()
        return self.start([program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate.file, "-key", certificate.key,
                           *(["-cert_chain", certificate.issuers_file] if len(certificate.issuers) > 1 else []),
                           *(["-www"] if page else ["-quiet"]), *arguments], port)

    def gnutls(self, certificate, priority, *arguments):
        """It knows no way to listen on one address only."""
        port = service_port()
        return self.start([program("gnutls-serv"), "--http", "--port", port, "--x509certfile", certificate.chain_file, "--x509keyfile",
                           certificate.key, "--disable-client-cert", "--priority", priority, *arguments], port)

    def nginx(self, *servers):
        """Each of `servers` is the inside of a server block; "PORT" in it is a port, the same within one call. → that port."""
        port = service_port()
        folder = self.folder / f"nginx-{port}"
        folder.mkdir()
        blocks = "\n".join("server {" + block.replace("PORT", f"127.0.0.1:{port}") + ' location / { return 200 "hello\\n"; } }' for block in servers)
        (folder / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{blocks}
}}""")
        return self.start([program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"], port)

    def haproxy(self, certificate, options):
        port = service_port()
        file = self.folder / f"haproxy-{port}.cfg"
        file.write_text(f"""
global
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend https
  bind 127.0.0.1:{port} ssl crt {certificate.bundle_file} {options}
  http-request return status 200 content-type text/plain string hello
""")
        return self.start([program("haproxy"), "-f", file], port)

    def stunnel(self, certificate, behind):
        port = service_port()
        file = self.folder / f"stunnel-{port}.conf"
        file.write_text(f"foreground = yes\npid =\n[wrapped]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{behind}\ncert = {certificate.bundle_file}\n")
        return self.start([program("stunnel4"), file], port)

    def caddy(self, certificate):
        port = service_port()
        file = self.folder / f"Caddyfile-{port}"
        file.write_text(f"""
{{
  admin off
  auto_https off
  storage file_system {self.folder}/caddy
  servers {{
    protocols h1 h2
  }}
}}
https://:{port} {{
  bind 127.0.0.1
  tls {certificate.chain_file} {certificate.key}
  respond "hello"
}}
""")
        home = {"HOME": str(self.folder), "PATH": "/usr/bin", "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        return self.start([program("caddy"), "run", "--config", file, "--adapter", "caddyfile"], port, home)


def s_client(port, *arguments):
    """What `openssl s_client` negotiates: version, cipher (OpenSSL's name), alpn."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2,http/1.1", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=20)
    chosen = re.search(r"^New, (?:TLSv|SSLv)\S+, Cipher is (\S+)$", done.stdout, re.M)
    version = re.search(r"^    Protocol  : TLSv(\S+)$", done.stdout, re.M) or re.search(r"^New, TLSv(1\.3)", done.stdout, re.M)
    alpn = re.search(r"^ALPN protocol: (\S+)$", done.stdout, re.M)
    assert chosen and version, done.stdout + done.stderr
    number = version[1] if "." in version[1] else version[1] + ".0"
    return f"TLS{number}", chosen[1], alpn[1] if alpn else None


def iana_names():
    """OpenSSL's name of a cipher suite → the IANA name."""
    listed = subprocess.run(["openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True, check=True)
    return {words[2]: words[0] for words in (line.split() for line in listed.stdout.splitlines())}
