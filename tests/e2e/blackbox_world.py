"""A world for blackbox_exporter and sonde, to be asked the same in: a network namespace with a loopback of its own, names of its own, servers on
fixed ports; both programs on one file of modules; every case to both, side by side. Not a module of tests.

    answers, died = ask_both(folder, modules, requests)      # from outside; what follows runs inside, as this file's main()

On loopback 127.9.9.9 never answers (its packets find no route back) and 127.9.9.8 is unreachable.
"""
import concurrent.futures
import ctypes
import functools
import http.client
import json
import os
import pathlib
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.parse

import yaml

import blackbox_dns
import blackbox_http
import blackbox_servers as servers
import certificates
from conftest import SONDE, program
from tls_servers import Park

ORACLE = "prometheus-blackbox-exporter"
# What is compared with the oracle: sonde, or another that takes its flags. The oracle itself shows what the table is worth.
WATCH = os.environ.get("SONDE_WATCH_COMMAND") or f"{shlex.quote(str(SONDE))} watch"
PORTS = {"oracle": 9115, "sonde": 9116}
ALL_OF_IT_S = 150
AT_ONCE = 8


@functools.cache
def namespaces():
    """The command that gives a network and mounts of its own; empty where that cannot be had."""
    wrapper = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net", "--mount"]
    return wrapper if subprocess.run([*wrapper, "true"], capture_output=True).returncode == 0 else []


def ask_both(folder, modules, requests):
    """modules: as YAML has them, "FOLDER" in texts is that of the certificates. requests: [{"path", "query", "fields", "method"}] → for each
    {"oracle": {"status", "type", "text"}, "sonde": …}, status 0 where none came; and the last words of the programs that ended meanwhile."""
    (folder / "asked.json").write_text(json.dumps({"modules": modules, "requests": requests}))
    done = subprocess.run([*namespaces(), sys.executable, __file__, folder], capture_output=True, text=True, timeout=ALL_OF_IT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return tuple(json.loads((folder / name).read_text()) for name in ("answers.json", "died.json"))


# --- inside -------------------------------------------------------------------------------------------------------------


def make_network(folder):
    """The names come from a server at 127.0.0.53 and a file; the system's own stay out of it."""
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG: whoever asked is gone, so is all this
    for words in ("link set lo up", "rule add pref 100 lookup local", "rule del pref 0", "rule add pref 50 from 127.9.9.9 blackhole",
                  "rule add pref 51 to 127.9.9.8 unreachable"):
        subprocess.run(["ip", *words.split()], check=True)
    for file, text in (("/etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n"),
                       ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 hosts4.test\n")):
        ours = folder / pathlib.Path(file).name
        ours.write_text(text)
        subprocess.run(["mount", "--bind", ours, os.path.realpath(file)], check=True)


def make_certificates(folder):
    """name → (chain, key); PEM files for the modules in `folder`."""
    here = ("DNS:site.test", "DNS:localhost", "IP:127.0.0.1", "IP:::1")
    root, middle = certificates.root(), certificates.intermediate()
    issued = {
        "good": certificates.issue("site.test", issuer=middle, names=here, ends="20490101000000Z"),
        "expired": certificates.issue("site.test", issuer=middle, names=here, ends="20210101000000Z"),
        "early": certificates.issue("site.test", issuer=middle, names=here, begins="20480101000000Z"),
        "other": certificates.issue("other.test", issuer=middle, names=("DNS:other.test",)),
        "self": certificates.issue("self.test", names=here, owner="self"),
        "bare": certificates.issue("127.0.0.1", issuer=middle),  # its name in the subject alone
        "many": certificates.issue(certificates.name(("C", "DE"), ("O", "A, B + \"C\""), ("OU", "one"), ("OU", "two"), ("CN", "m\u00fcll")), issuer=root, kind="rsa-2048",
                                   names=("DNS:*.test", "DNS:a.example", "IP:127.0.0.1", "DNS:b.example"), ends="20600101000000Z"),
    }
    client = certificates.issue("client", issuer=root, owner="client")
    for name, source in {"root.pem": root.file, "client.pem": client.file, "client.key": client.key, "self.pem": issued["self"].file}.items():
        shutil.copy(source, folder / name)
    (folder / "secret").write_text("token-of-a-file")
    (folder / "password").write_text("pass")
    return {name: (made.chain_file if made.issuers else made.file, made.key) for name, made in issued.items()} | {"alone": (issued["good"].file, issued["good"].key)}


def context(pair, protocols=("http/1.1",), *, least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.MAXIMUM_SUPPORTED, clients=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if least < ssl.TLSVersion.TLSv1_2:
        made.set_ciphers("ALL:@SECLEVEL=0")
    made.minimum_version, made.maximum_version = least, most
    made.load_cert_chain(*pair)
    if protocols:
        made.set_alpn_protocols(list(protocols))
    if clients:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(clients)
    return made


def start_small_servers(folder, pairs):
    listen, tls = servers.listen, ssl.TLSVersion
    for host in ("127.0.0.1", "::1", "127.0.0.2", "127.9.9.9"):
        listen(blackbox_http.http, host, 8080)
    listen(blackbox_http.http, "127.0.0.1", 80)
    for port, name in ((8444, "expired"), (8445, "self"), (8446, "other"), (8451, "alone"), (8452, "bare"), (8453, "many"), (8454, "early")):
        listen(blackbox_http.http, "127.0.0.1", port, context(pairs[name]))
    for host in ("127.0.0.1", "::1"):
        listen(blackbox_http.http, host, 8443, context(pairs["good"]))
    listen(blackbox_http.http, "127.0.0.1", 443, context(pairs["good"]))
    listen(blackbox_http.http, "127.0.0.1", 8447, context(pairs["good"], clients=folder / "root.pem"))
    listen(blackbox_http.http, "127.0.0.1", 8448, context(pairs["good"], most=tls.TLSv1_2))
    listen(blackbox_http.http, "127.0.0.1", 8450, context(pairs["good"], least=tls.TLSv1, most=tls.TLSv1_1))
    listen(blackbox_http.http, "127.0.0.1", 8455, context(pairs["good"], clients=folder / "root.pem", most=tls.TLSv1_2))
    listen(blackbox_http.proxy, "127.0.0.1", 3128)
    listen(functools.partial(blackbox_http.proxy, password="Basic dXNlcjpwYXNz"), "127.0.0.1", 3129)

    mail = context(pairs["good"], ())
    for host in ("127.0.0.1", "::1"):
        listen(functools.partial(servers.smtp, mail), host, 2525)
    listen(functools.partial(servers.imap, mail), "127.0.0.1", 1143)
    listen(servers.irc, "127.0.0.1", 6667)
    listen(servers.repeats, "127.0.0.1", 7000)
    listen(servers.repeats, "127.0.0.1", 7443, mail)
    says = {7001: b"SSH-2.0-Test\r\n", 7003: b"one\ntwo\nthree\nlast without an end", 7004: b"a\r\r\n\r\nb\x00c\xff\n", 7005: b"x" * 70000 + b"\nend\n",
            7006: b"", 7008: b"y" * 60000 + b"\nend\n"}
    for port, text in says.items():
        listen(servers.says(text, stays=port in (7001, 7006)), "127.0.0.1", port)
    listen(servers.says(b"", stays=False), "127.0.0.1", 7007)

    for host, port in (("127.0.0.53", 53), ("127.0.0.1", 5300), ("::1", 5300), ("127.0.0.1", 53)):
        blackbox_dns.datagrams(host, port)
        listen(blackbox_dns.stream, host, port)
    listen(blackbox_dns.stream, "127.0.0.1", 8530, context(pairs["good"], ()))
    listen(blackbox_dns.stream, "127.0.0.1", 853, context(pairs["good"], ()))

    listen(servers.grpc, "127.0.0.1", 50051)
    listen(servers.grpc, "::1", 50051)
    for port, name in ((50052, "good"), (50053, "expired"), (50054, "other")):
        listen(servers.grpc, "127.0.0.1", port, context(pairs[name], ("h2",)))
    listen(servers.grpc, "127.0.0.1", 50055, context(pairs["good"], ()))


NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ worker_connections 256; }}
http {{
  access_log off; default_type text/html; gzip on; gzip_min_length 1; root {folder}/site; add_header X-Seen "$http_x_one"; add_header X-Seen-Host "$http_host";
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  ssl_certificate {chain}; ssl_certificate_key {key};
  server {{ listen 127.0.0.1:8081; location /old {{ return 301 /page.html; }} location /secure {{ return 302 https://127.0.0.1:8449/page.html; }} }}
  server {{ listen 127.0.0.1:8449 ssl http2; location /old {{ return 301 /page.html; }} location /plain {{ return 302 http://127.0.0.1:8081/page.html; }}
           location /post {{ return 200 "$request_method $content_length\\n"; }} location /teapot {{ return 418; }} }}
}}"""

UNBOUND = """
server:
  interface: 127.0.0.1@5301
  directory: "{folder}"
  pidfile: "{folder}/pid"
  chroot: ""
  username: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  access-control: 127.0.0.0/8 allow_snoop
  identity: "differential"
  hide-identity: no
  local-zone: "." always_refuse
  local-zone: "example." static
{data}
"""
ZONE = """example. 3600 IN SOA ns.example. admin.example. 2026010203 7200 3600 86400 300
example. 3600 IN NS ns.example.
www.example. 300 IN A 192.0.2.1
www.example. 300 IN AAAA 2001:db8::1
www.example. 300 IN AAAA ::ffff:192.0.2.1
mail.example. 300 IN MX 10 mx.example.
text.example. 60 IN TXT "v=spf1 -all" "second"
caa.example. 60 IN CAA 0 issue "ca.example"
srv._tcp.example. 60 IN SRV 1 2 443 www.example.
naptr.example. 60 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example!" .
tlsa.example. 60 IN TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
sshfp.example. 60 IN SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
ds.example. 60 IN DS 60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118
hinfo.example. 60 IN HINFO "PC" "Linux"
loc.example. 60 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m
alias.example. 60 IN CNAME www.example.
dname.example. 60 IN DNAME example."""


def start_real_servers(park, folder, pairs):
    site = folder / "nginx" / "site"
    site.mkdir(parents=True)
    for name, text in {"page.html": "<p>A page that compresses well.</p>\n" * 100, "index.html": "<title>Index</title>\n"}.items():
        (site / name).write_text(text)
        os.utime(site / name, (1_650_000_000, 1_650_000_000))
    chain, key = pairs["good"]
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder / "nginx", chain=chain, key=key, user="user root;"))
    park.start([program("nginx"), "-p", folder / "nginx", "-e", folder / "nginx" / "error.log", "-c", folder / "nginx.conf"], 8449)
    (folder / "unbound").mkdir()
    data = "".join(f"  local-data: '{line}'\n" for line in ZONE.splitlines())
    (folder / "unbound.conf").write_text(UNBOUND.format(folder=folder / "unbound", data=data))
    park.start([program("unbound"), "-d", "-c", folder / "unbound.conf"], 5301)


def ask(port, request):
    """One request, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        path = request.get("path", "/probe")
        if request.get("query"):
            path += "?" + urllib.parse.urlencode([tuple(pair) for pair in request["query"]])
        connection.request(request.get("method", "GET"), path, headers=request.get("fields", {}))
        answer = connection.getresponse()
        return {"status": answer.status, "type": answer.getheader("Content-Type", ""), "text": answer.read().decode(errors="replace")}
    except (OSError, http.client.HTTPException) as problem:
        return {"status": 0, "type": "", "text": f"no answer: {problem!r}"}
    finally:
        connection.close()


def ask_each(request):
    """Both, one after the other: they do not disturb each other's ICMP replies."""
    return {name: ask(port, request) for name, port in PORTS.items()}


def with_folder(value, folder):
    if isinstance(value, dict):
        return {key: with_folder(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_folder(inner, folder) for inner in value]
    return value.replace("FOLDER", str(folder)) if isinstance(value, str) else value


def main(folder):
    asked = json.loads((folder / "asked.json").read_text())
    make_network(folder)
    pairs = make_certificates(folder)
    config = folder / "blackbox.yml"
    config.write_text(yaml.safe_dump({"modules": with_folder(asked["modules"], folder)}, sort_keys=False))
    start_small_servers(folder, pairs)
    with tempfile.TemporaryDirectory(prefix="sonde-world-") as real, Park(folder) as park:
        os.chmod(real, 0o755)
        start_real_servers(park, pathlib.Path(real), pairs)
        environment = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "127.0.0.2"}
        for name, command in (("oracle", ORACLE), ("sonde", WATCH)):
            park.start([*shlex.split(command), f"--config.file={config}", f"--web.listen-address=127.0.0.1:{PORTS[name]}"], PORTS[name], environment)
        park.ready()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask_each, asked["requests"]))
        died = {process.args[0]: log.read_text(errors="replace")[-4000:] for process, _, log in park.running if process.poll() is not None}
    (folder / "answers.json").write_text(json.dumps(answers))
    (folder / "died.json").write_text(json.dumps(died))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
