"""Servers that people run, of Debian's packages, all side by side on loopback: for the web, mail, files, names, data. Not a module of tests.

Each is started in the foreground with the least that it takes for a configuration, in a folder of its own, and ended by its id. What
refuses to be root, or cannot do without, is told here where it is started.
"""
import functools
import grp
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

import certificates
import pytest
from conftest import SSHD_CONFIG, program
from tls_servers import Park, service_port

IS_ROOT = os.geteuid() == 0
TITLE = "Real servers & co"
PAGE = f"<!doctype html><html><head><title>{TITLE.replace('&', '&amp;')}</title></head><body>\n".encode() + b"<p>A page that compresses well.</p>\n" * 400
OTHER_PAGE = b"<title>Another page</title>\n" + b"<p>It is shorter.</p>\n" * 100

# Server → its package, as tools/packages.txt has it.
PACKAGES = {
    "nginx": "nginx-light", "apache2": "apache2-bin", "caddy": "caddy", "haproxy": "haproxy", "h2o": "h2o", "openssh": "openssh-server",
    "exim": "exim4-daemon-light", "dovecot": "dovecot-imapd", "vsftpd": "vsftpd", "mariadb": "mariadb-server-core", "postgresql": "postgresql-15",
    "redis": "redis-server", "memcached": "memcached", "mosquitto": "mosquitto", "unbound": "unbound", "openldap": "slapd",
}

FOR_ROOT = {"exim"}


@functools.cache
def version_of(server):
    """Upstream's version of its package, "1.22.1" of 1.22.1-9+deb12u11; None where that is not installed."""
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", PACKAGES[server]], capture_output=True, text=True)
    status, _, version = asked.stdout.partition(" ")
    return re.match(r"(?:\d+:)?([^-+~]+)", version)[1] if status == "installed" else None


def why_missing(server):
    """"" where it can be started."""
    if version_of(server) is None:
        return f"the package {PACKAGES[server]} is not installed"
    return "" if IS_ROOT or server not in FOR_ROOT else f"{server} lets nobody but root start it"


def skip_if_missing(server):
    if why := why_missing(server):
        pytest.skip(why)


class RealPark(Park):
    """start_all() → {name: port}; names are those of PACKAGES, with "-tls" and the like behind them where a server has several ports."""

    def __init__(self):
        # Not pytest's folder, which is closed to the users that some servers change to.
        self.temporary = tempfile.TemporaryDirectory(prefix="sonde-real-")
        super().__init__(self.temporary.name)
        self.folder.chmod(0o755)
        self.ports = {}
        self.site = self.folder / "site"
        self.site.mkdir()
        (self.site / "index.html").write_bytes(PAGE)
        (self.site / "other.html").write_bytes(OTHER_PAGE)
        self.leaf = certificates.leaf()

    def __exit__(self, *problem):
        super().__exit__(*problem)
        self.temporary.cleanup()

    def start_all(self):
        for server in PACKAGES:
            if not why_missing(server):
                getattr(self, f"start_{server}")()
        self.ready()
        return self.ports

    def port(self, name):
        self.ports[name] = service_port()
        return self.ports[name]

    def own_folder(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text)
        return file

    def leaf_for(self, user, folder):
        """(chain, key) in its folder, the key for itself alone."""
        chain, key = folder / "chain.pem", folder / "key.pem"
        shutil.copy(self.leaf.chain_file, chain)
        shutil.copy(self.leaf.key, key)
        key.chmod(0o600)
        if IS_ROOT:
            shutil.chown(chain, user)
            shutil.chown(key, user)
        return chain, key

    # --- the web: a port in the clear that leads to the one with TLS, where the site is -------------------------------------

    def start_nginx(self):
        clear, tls, folder = self.port("nginx"), self.port("nginx-tls"), self.own_folder("nginx")
        conf = self.write("nginx.conf", f"""
daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/pid;
{"user root;" if IS_ROOT else ""}
events {{ worker_connections 256; }}
http {{
  access_log off; types {{ text/html html; }} gzip on; root {self.site};
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{clear}; return 301 https://127.0.0.1:{tls}$request_uri; }}
  server {{ listen 127.0.0.1:{tls} ssl http2; ssl_certificate {self.leaf.chain_file}; ssl_certificate_key {self.leaf.key}; }}
}}""")
        self.start([program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", conf], tls)

    def start_apache2(self):
        clear, tls, folder = self.port("apache2"), self.port("apache2-tls"), self.own_folder("apache2")
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
                            for name in ("mpm_event", "authz_core", "alias", "dir", "mime", "filter", "deflate", "ssl", "http2"))
        conf = self.write("apache2.conf", f"""
{modules}
ServerRoot {folder}
ServerName 127.0.0.1
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
{"User nobody" if IS_ROOT else ""}
{"Group nogroup" if IS_ROOT else ""}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
Listen 127.0.0.1:{clear}
Listen 127.0.0.1:{tls}
TypesConfig /dev/null
AddType text/html .html
DirectoryIndex index.html
AddOutputFilterByType DEFLATE text/html
<Directory {self.site}>
  Require all granted
</Directory>
<VirtualHost 127.0.0.1:{clear}>
  Redirect permanent / https://127.0.0.1:{tls}/
</VirtualHost>
<VirtualHost 127.0.0.1:{tls}>
  DocumentRoot {self.site}
  Protocols h2 http/1.1
  SSLEngine on
  SSLCertificateFile {self.leaf.chain_file}
  SSLCertificateKeyFile {self.leaf.key}
</VirtualHost>""")
        self.start([program("apache2"), "-f", conf, "-DFOREGROUND"], tls)

    def start_caddy(self):
        clear, tls, folder = self.port("caddy"), self.port("caddy-tls"), self.own_folder("caddy")
        conf = self.write("Caddyfile", f"""
{{
  admin off
  auto_https off
  storage file_system {folder}
  servers {{
    protocols h1 h2
  }}
}}
http://:{clear} {{
  bind 127.0.0.1
  redir https://127.0.0.1:{tls}{{uri}} 301
}}
https://:{tls} {{
  bind 127.0.0.1
  tls {self.leaf.chain_file} {self.leaf.key}
  encode gzip
  root * {self.site}
  file_server
}}""")
        home = {"HOME": str(folder), "PATH": "/usr/bin", "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self.start([program("caddy"), "run", "--config", conf, "--adapter", "caddyfile"], tls, home)

    def start_haproxy(self):
        """It has no pages of its own: those of a small server behind it, which says what it is."""
        clear, tls, behind = self.port("haproxy"), self.port("haproxy-tls"), service_port()
        pages = self.write("pages.py", f"""
import functools, http.server, socketserver
class Server(http.server.ThreadingHTTPServer):
    server_bind = socketserver.TCPServer.server_bind  # which asks no resolver for its name
class Pages(http.server.SimpleHTTPRequestHandler):
    protocol_version, server_version, sys_version = "HTTP/1.1", "pages", ""
Server(("127.0.0.1", {behind}), functools.partial(Pages, directory={str(self.site)!r})).serve_forever()
""")
        self.start([sys.executable, pages], behind)
        conf = self.write("haproxy.cfg", f"""
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend clear
  bind 127.0.0.1:{clear}
  http-request redirect prefix https://127.0.0.1:{tls} code 301
frontend tls
  bind 127.0.0.1:{tls} ssl crt {self.leaf.bundle_file} alpn h2,http/1.1
  compression algo gzip
  default_backend pages
backend pages
  server pages 127.0.0.1:{behind}
""")
        self.start([program("haproxy"), "-f", conf], tls)

    def start_h2o(self):
        clear, tls, folder = self.port("h2o"), self.port("h2o-tls"), self.own_folder("h2o")
        conf = self.write("h2o.yaml", f"""
num-threads: 1
{"user: nobody" if IS_ROOT else ""}
error-log: {folder}/error.log
compress: [gzip]
hosts:
  "127.0.0.1:{clear}":
    listen: {{host: 127.0.0.1, port: {clear}}}
    paths: {{"/": {{redirect: {{status: 301, url: "https://127.0.0.1:{tls}/"}}}}}}
  "127.0.0.1:{tls}":
    listen: {{host: 127.0.0.1, port: {tls}, ssl: {{certificate-file: {self.leaf.chain_file}, key-file: {self.leaf.key}}}}}
    paths: {{"/": {{file.dir: {self.site}}}}}
""")
        self.start([program("h2o"), "-m", "worker", "-c", conf], tls)

    # --- shells, mail, files ---------------------------------------------------------------------------------------------------

    def start_openssh(self):
        port, folder = self.port("openssh"), self.own_folder("openssh")
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True)
        conf = self.write("sshd_config", SSHD_CONFIG.format(folder=folder, port=port))
        if IS_ROOT:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where it keeps its unprivileged half
        self.start([program("sshd"), "-D", "-e", "-f", conf], port)

    def start_exim(self):
        """It gives up being root before it writes its log."""
        port, folder = self.port("exim"), self.own_folder("exim")
        shutil.chown(folder, "Debian-exim", "Debian-exim")
        chain, key = self.leaf_for("Debian-exim", folder)
        conf = self.write("exim.conf", f"""
primary_hostname = mail.site.test
spool_directory = {folder}
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = {chain}
tls_privatekey = {key}
begin acl
begin routers
begin transports
""")
        self.start([program("exim4"), "-C", conf, "-bdf"], port)

    def start_dovecot(self):
        folder = self.own_folder("dovecot")
        ports = {name: self.port(f"dovecot-{name}") for name in ("imap", "imaps", "pop3", "pop3s")}
        me, internal, group = "dovenull", "dovecot", "dovecot"
        if not IS_ROOT:
            me = internal = pwd.getpwuid(os.geteuid()).pw_name
            group = grp.getgrgid(os.getegid()).gr_name
        listeners = "\n".join(f"""
service {protocol}-login {{
  chroot =
  inet_listener {protocol} {{
    port = {ports[protocol]}
  }}
  inet_listener {protocol}s {{
    port = {ports[protocol + "s"]}
    ssl = yes
  }}
}}""" for protocol in ("imap", "pop3"))
        conf = self.write("dovecot.conf", f"""
protocols = imap pop3
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
default_login_user = {me}
default_internal_user = {internal}
default_internal_group = {group}
ssl = yes
ssl_cert = <{self.leaf.chain_file}
ssl_key = <{self.leaf.key}
passdb {{
  driver = static
}}
userdb {{
  driver = static
}}
service anvil {{
  chroot =
}}
{listeners}
""")
        self.start([program("dovecot"), "-F", "-c", conf], ports["imap"])

    def start_vsftpd(self):
        port, empty = self.port("vsftpd"), self.own_folder("vsftpd")
        conf = self.write("vsftpd.conf", f"""listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
secure_chroot_dir={empty}
ssl_enable=YES
allow_anon_ssl=YES
ssl_ciphers=HIGH
rsa_cert_file={self.leaf.chain_file}
rsa_private_key_file={self.leaf.key}
{"" if IS_ROOT else "run_as_launching_user=YES"}
""")
        self.start([program("vsftpd"), conf], port)

    # --- data ----------------------------------------------------------------------------------------------------------------

    def start_mariadb(self):
        port, folder = self.port("mariadb"), self.own_folder("mariadb")
        self.start([program("mariadbd"), "--no-defaults", *(["--user=root"] if IS_ROOT else []), f"--datadir={folder}", f"--port={port}",
                    "--bind-address=127.0.0.1", f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--skip-grant-tables", "--skip-networking=0",
                    "--skip-innodb", "--default-storage-engine=Aria", "--skip-log-bin", "--skip-name-resolve", f"--ssl-cert={self.leaf.chain_file}",
                    f"--ssl-key={self.leaf.key}"], port)

    def start_postgresql(self):
        """It refuses to be root."""
        port, folder = self.port("postgresql"), self.own_folder("postgresql")
        binaries = next(pathlib.Path("/usr/lib/postgresql").glob("15/bin"))
        as_user = []
        if IS_ROOT:
            shutil.chown(folder, "nobody")
            as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        chain, key = self.leaf_for("nobody", folder)
        script = (f"{binaries}/initdb -D {folder}/data -A trust -U postgres --no-sync --no-instructions --locale=C && exec {binaries}/postgres -D {folder}/data"
                  f" -h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c shared_buffers=1MB -c max_connections=20"
                  f" -c ssl=on -c ssl_cert_file={chain} -c ssl_key_file={key}")
        self.start([*as_user, "sh", "-c", script], port)

    def start_redis(self):
        port, secret = self.port("redis"), self.port("redis-password")
        for number, *password in ((port,), (secret, "--requirepass", "secret")):
            self.start([program("redis-server"), "--port", number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *password], number)

    def start_memcached(self):
        port = self.port("memcached")
        self.start([program("memcached"), "-l", "127.0.0.1", "-p", port, "-U", 0, "-t", 1, *(["-u", "root"] if IS_ROOT else [])], port)

    def start_mosquitto(self):
        opened, closed, tls = self.port("mosquitto"), self.port("mosquitto-password"), self.port("mosquitto-tls")
        conf = self.write("mosquitto.conf", f"""
per_listener_settings true
user root
listener {opened} 127.0.0.1
allow_anonymous true
listener {closed} 127.0.0.1
allow_anonymous false
listener {tls} 127.0.0.1
allow_anonymous true
certfile {self.leaf.chain_file}
keyfile {self.leaf.key}
""")
        self.start([program("mosquitto"), "-c", conf], tls)

    def start_openldap(self):
        port, folder = self.port("openldap"), self.own_folder("openldap")
        conf = self.write("slapd.conf", f"include /etc/ldap/schema/core.schema\npidfile {folder}/pid\nargsfile {folder}/args\n"
                          f"TLSCertificateFile {self.leaf.chain_file}\nTLSCertificateKeyFile {self.leaf.key}\n")
        self.start([program("slapd"), "-f", conf, "-h", f"ldap://127.0.0.1:{port}", "-d", 0], port)

    # --- names ---------------------------------------------------------------------------------------------------------------

    def start_unbound(self):
        port = self.port("unbound")
        conf = self.write("unbound.conf", f"""
server:
  interface: 127.0.0.1
  port: {port}
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  num-threads: 1
  local-zone: "site.test." static
remote-control:
  control-enable: no
""")
        self.start([program("unbound"), "-d", "-c", conf], port)
