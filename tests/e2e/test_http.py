"""`--probe http` against nginx, Caddy and HAProxy, in the clear and over TLS, by HTTP/1.1 and 2; what one pass of several
probes costs a server in connections."""
import hashlib
import http.server
import json
import pathlib
import re
import ssl
import threading
import unicodedata

import certificates
import pytest
from conftest import HttpServer
from tls_servers import Park

pytestmark = pytest.mark.asan

PAGE = "<!doctype html><html><head><title>A &amp; B</title></head><body>" + "sonde " * 400 + "</body></html>"


@pytest.fixture(scope="module")
def park(tmp_path_factory):
    """name → port of servers that run side by side."""
    folder, leaf = tmp_path_factory.mktemp("http"), certificates.leaf()
    content = f"""
      location = / {{ default_type text/html; add_header X-Twice one; add_header X-Twice two; return 200 "{PAGE}"; }}
      location = /gone {{ return 410 "gone\\n"; }}
      location = /none {{ return 204; }}
      location = /relative {{ return 302 /in/; }}
      location = /in/ {{ return 301 hello; }}
      location = /circle {{ return 302 /circle; }}
      location = /cookie {{ if ($cookie_seen = "") {{ add_header Set-Cookie "seen=1; Path=/"; return 302 /cookie; }} return 200 "with cookie\\n"; }}
      location = /agent {{ return 200 "$request_method $http_user_agent $http_x_trace $host\\n"; }}
      absolute_redirect off; gzip on; gzip_min_length 100; gzip_types text/plain;
    """
    tls = f"ssl_certificate {leaf.chain_file}; ssl_certificate_key {leaf.key};"
    with Park(folder) as servers:
        ports = {
            "clear": servers.nginx(f"listen PORT; {content}"),
            "tls": servers.nginx(f"listen PORT ssl http2; {tls} {content}"),
            "tls1.1": servers.nginx(f"listen PORT ssl; {tls} {content}"),
            "h2c": servers.nginx(f"listen PORT http2; {content}"),
            "caddy": servers.caddy(leaf),
            "haproxy": servers.haproxy(leaf, "alpn h2,http/1.1"),
        }
        ports["up"] = servers.nginx(f"listen PORT; location = /up {{ return 301 https://localhost:{ports['tls']}/; }}")
        servers.ready()
        yield ports


def ask(scan, port, *options, scheme="http"):
    (record,), _ = scan(f"localhost:{port}", "--probe", "http", "--scheme", scheme, "--all", *options)
    return record


@pytest.mark.parametrize("server, scheme, options, version", [
    ("clear", "http", (), "1.1"), ("tls", "https", (), "2"), ("tls", "https", ("--http", "1.1"), "1.1"), ("tls1.1", "https", (), "1.1"),
    ("h2c", "http", ("--http", "2"), "2")])
def test_nginx_is_told_alike_over_every_transport(scan, park, server, scheme, options, version):
    record = ask(scan, park[server], *options, scheme=scheme)
    assert (record["outcome"], record["phase"]) == ("success", "done"), record
    told = record["http"]
    assert told["url"] == f"{scheme}://localhost:{park[server]}/"
    assert (told["version"], told["status"], told["title"], told["content_type"]) == (version, 200, "A & B", "text/html")
    assert told["body_bytes"] == len(PAGE) and told["body_sha256"] == hashlib.sha256(PAGE.encode()).hexdigest()
    assert told["content_encoding"] == "gzip" and told["truncated"] is False
    assert told["headers"]["x-twice"] == ["one", "two"]
    assert ("tls" in record) == (scheme == "https")
    if scheme == "https":
        assert record["tls"]["alpn"] == ("h2" if version == "2" else "http/1.1")
        assert record["tls"]["certificate"]["subject_cn"] and record["timing_us"]["tls"] > 0
    assert sum(us for part, us in record["timing_us"].items() if part != "total") <= record["timing_us"]["total"]


@pytest.mark.parametrize("server", ["caddy", "haproxy"])
def test_other_servers(scan, park, server):
    record = ask(scan, park[server], scheme="https")
    assert record["outcome"] == "success", record
    assert (record["http"]["version"], record["http"]["status"], record["http"]["body_bytes"]) == ("2", 200, 5)
    assert ask(scan, park[server], "--http", "1.1", scheme="https")["http"]["version"] == "1.1"


def test_targets_that_are_urls_keep_scheme_path_and_query(scan, park, tmp_path):
    clear, tls = park["clear"], park["tls"]
    urls = [f"http://localhost:{clear}/agent?x=1", f"http://localhost:{clear}/gone", f"https://localhost:{tls}/agent", f"http://127.0.0.1:{clear}/"]
    path = tmp_path / "urls.txt"
    path.write_text("# pages\n" + "\n".join([*urls, urls[1]]) + "\n")
    records, _ = scan("-l", path, "--probe", "http", "--all")
    assert sorted(record["http"]["url"] for record in records) == sorted(urls), "each once"
    status = {record["http"]["url"]: record["http"]["status"] for record in records}
    assert [status[url] for url in urls] == [200, 410, 200, 200]
    assert {record["http"]["url"]: "tls" in record for record in records} == {url: url.startswith("https") for url in urls}


def test_statuses_and_methods(scan, park):
    found = {path: ask(scan, park["clear"], "--path", path)["http"] for path in ("/gone", "/none", "/missing")}
    assert {path: told["status"] for path, told in found.items()} == {"/gone": 410, "/none": 204, "/missing": 200}
    assert found["/none"]["body_bytes"] == 0
    for scheme, server in (("http", "clear"), ("https", "tls")):
        head = ask(scan, park[server], "--method", "HEAD", scheme=scheme)
        assert head["outcome"] == "success" and head["http"]["body_bytes"] == 0 and "body_sha256" not in head["http"]


def test_the_request_says_what_it_was_told_to(scan, park):
    record = ask(scan, park["clear"], "--path", "/agent", "--keep-body", "--user-agent", "me/1", "--header", "X-Trace: t", "--header", "Host: other.test")
    assert record["http"]["body"] == "GET me/1 t other.test\n"
    record = ask(scan, park["tls"], "--path", "/agent", "--keep-body", "--method", "POST", "--body", "k=v", "--header", "Host: other.test", scheme="https")
    assert re.fullmatch(r"POST sonde/\S+  other.test\n", record["http"]["body"])


def test_expectations(scan, park):
    told = ask(scan, park["clear"], "--expect-status", "200-299,301", "--expect-body", "(sonde ){400}")["http"]
    assert told["expect"] == {"status": True, "body": True}
    told = ask(scan, park["clear"], "--path", "/gone", "--expect-status", "200", "--expect-body", "^here")["http"]
    assert told["expect"] == {"status": False, "body": False}


@pytest.mark.parametrize("server, scheme", [("clear", "http"), ("tls", "https")])
def test_redirects(scan, park, server, scheme):
    port = park[server]
    record = ask(scan, port, "--follow", 5, "--path", "/relative", scheme=scheme)
    told = record["http"]
    assert (record["outcome"], told["status"]) == ("success", 200), record
    assert [hop["location"] for hop in told["redirects"]] == ["/in/", "hello"]
    assert told["final_url"] == f"{scheme}://localhost:{port}/in/hello" and told["final_ip"] == "127.0.0.1"
    assert "connections" not in told, "nginx keeps the connection"
    hops = [hop["timing_us"]["total"] for hop in told["redirects"]] + [told["timing_us"]["total"]]
    assert sum(hops) <= record["timing_us"]["total"]
    circle = ask(scan, port, "--follow", 5, "--path", "/circle", scheme=scheme)
    assert circle["outcome"] == "protocol_error" and "circle" in circle["error"]
    cookie = ask(scan, port, "--follow", 5, "--path", "/cookie", scheme=scheme)
    assert (cookie["outcome"], cookie["http"]["body_bytes"]) == ("success", 12), cookie


def test_a_redirect_to_https_tells_of_both(scan, park):
    record = ask(scan, park["up"], "--follow", 5, "--path", "/up", "--insecure=false", "--verify", "--ca", certificates.root().file)
    # The certificate is for site.test, not for localhost.
    assert record["outcome"] == "tls_error" and record["http"]["status"] == 301, record
    record = ask(scan, park["up"], "--follow", 5, "--path", "/up")
    assert record["outcome"] == "success" and record["http"]["final_url"] == f"https://localhost:{park['tls']}/"
    assert record["http"]["connections"] == 2 and record["tls"]["sni"] == "localhost"
    assert record["timing_us"]["connect"] >= record["http"]["timing_us"]["connect"] + record["http"]["redirects"][0]["timing_us"]["connect"] - 2


@pytest.mark.parametrize("server, scheme", [("clear", "http"), ("tls", "https"), ("tls1.1", "https")])
def test_many_requests_over_one_connection(scan, park, server, scheme):
    record = ask(scan, park[server], "--path", "/", "--path", "/gone", "--repeat", 20, scheme=scheme)
    told = record["http"]
    assert record["outcome"] == "success" and told["requests"] == 40 and "connections" not in told
    assert [(answer["status"], answer["body_bytes"]) for answer in told["responses"]] == [(200, len(PAGE)), (410, 5)]


def test_schemes_are_found_out(scan, park):
    records, _ = scan("127.0.0.1", "-p", f"{park['clear']},{park['tls']},{park['haproxy']}", "--probe", "http", "--scheme", "auto", "--all")
    assert {record["port"]: record["http"]["url"].split(":")[0] for record in records} == {
        park["clear"]: "http", park["tls"]: "https", park["haproxy"]: "https"}
    assert all(record["outcome"] == "success" for record in records), records
    (record,), _ = scan(f"127.0.0.1:{park['clear']}", "--probe", "http", "--scheme", "https", "--all")
    assert (record["outcome"], record["phase"], record["http"]["speaks"]) == ("protocol_error", "tls", "http")


def test_a_larger_body_arrives(scan, served):
    body, came = "x" * 900_000, []

    def reads(connection):
        heard = b""
        while heard.partition(b"\r\n\r\n")[2] != body.encode() and (piece := connection.recv(65536)):
            heard += piece
        came.append(heard)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.leaf().chain_file, certificates.leaf().key)

    def over_tls(connection):
        with context.wrap_socket(connection, server_side=True) as secure:
            reads(secure)

    for behaviour, scheme in ((reads, "http"), (over_tls, "https")):
        port = served(behaviour)
        path = pathlib.Path(certificates.FOLDER.name) / "body"
        path.write_text(body)
        record = ask(scan, port, "--method", "POST", "--body", f"@{path}", scheme=scheme)
        assert record["outcome"] == "success", record
        assert came.pop().endswith(b"\r\n\r\n" + body.encode()) and not came


# --- what a pass costs a server ------------------------------------------------------------------------------------------------


class Counting(HttpServer):
    """Answers HTTP/1.1, over TLS if given a context, and counts the connections that came and the handshakes that were done."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.context, self.came, self.shook = context, 0, 0

    def get_request(self):
        connection, address = super().get_request()
        self.came += 1
        if self.context is None:
            return connection, address
        connection.settimeout(10)
        secure = self.context.wrap_socket(connection, server_side=True)  # an OSError is a connection that nobody handles
        self.shook += 1
        return secure, address

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *raised):
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.mark.parametrize("engine", ["epoll", "uring"])
def test_one_pass_over_https_is_one_connection(scan, engine):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.leaf().chain_file, certificates.leaf().key)
    context.set_alpn_protocols(["http/1.1"])
    with Counting(context) as server:
        records, _ = scan(f"127.0.0.1:{server.port}", "--probe", "tcp,tls,http", "--all", "--engine", engine)
        assert (server.came, server.shook) == (1, 1)
    found = {record["probe"]: record for record in records}
    assert set(found) == {"tcp", "tls", "http"} and all(record["outcome"] == "success" for record in records), records
    assert found["http"]["http"]["url"].startswith("https://") and found["http"]["http"]["body_bytes"] == 2
    assert found["tls"]["tls"]["version"] == "TLS1.3" and "tls" not in found["http"], "its own record stands beside it"
    for part in ("connect", "tls"):
        assert found["http"]["timing_us"][part] == found["tls"]["timing_us"][part]
    assert found["tcp"]["timing_us"]["connect"] == found["tls"]["timing_us"]["connect"]
    assert found["tcp"]["timing_us"]["total"] <= found["tls"]["timing_us"]["total"] <= found["http"]["timing_us"]["total"]


def test_one_pass_over_http_is_two_connections(scan):
    with Counting() as server:
        records, _ = scan(f"127.0.0.1:{server.port}", "--probe", "tcp,tls,http", "--all")
        assert server.came == 2, "the tls probe breaks its own"
    found = {record["probe"]: record["outcome"] for record in records}
    assert found == {"tcp": "success", "tls": "protocol_error", "http": "success"}


def test_one_pass_over_http_without_tls_is_one_connection(scan):
    with Counting() as server:
        records, _ = scan(f"127.0.0.1:{server.port}", "--probe", "tcp,http", "--all")
        assert server.came == 1
    assert [record["outcome"] for record in records] == ["success", "success"]


def test_a_pass_that_must_verify_shakes_hands_itself(scan, park):
    records, _ = scan(f"127.0.0.1:{park['tls']}", "--probe", "tls,http", "--all", "--insecure=false", "--verify")
    found = {record["probe"]: record["outcome"] for record in records}
    assert found == {"tls": "success", "http": "tls_error"}


def test_a_world_of_web_servers_is_told_as_its_truth_says(scan, world):
    served = world(prefix="127.92.0.0/25", ports=1, mix="http", seed=2)
    truth = {(line["ip"], line["port"]): line["http"] for line in served.truth}
    records, _ = scan(served.prefix, "-p", served.ports, "--probe", "http", "--all", "--rate", "0", "--read-timeout", "4s")
    assert len(records) == len(truth)
    for record in records:
        expected = truth[record["ip"], record["port"]]
        told = record.get("http", {})
        found = {"outcome": record["outcome"], "phase": record["phase"], "cause": record.get("cause"), "version": told.get("version"),
                 "speaks": told.get("speaks"), "status": str(told["status"]) if "status" in told else None}
        assert {key: value for key, value in found.items() if value} == expected, record


def test_what_is_wrong_is_said_before_anything_is_sent(sonde):
    for options, words in ((("--follow", "51"), "--follow: '51' is not a number from 0 to 50"), (("--http", "3"), "--http: '3' is not one of auto, 1.1, 2"),
                           (("--scheme", "htps"), "did you mean 'https'?"), (("--header", "no colon"), "--header:"), (("--path", "x"), "--path:"),
                           (("--expect-body", "("), "--expect-body:"), (("--expect-status", "20"), "--expect-status:"), (("--max-body", "17M"), "--max-body:"),
                           (("--body", "@/nonexistent"), "/nonexistent"), (("--method", "G T"), "a method is letters and digits"),
                           (("--follow", "1", "--repeat", "2"), "--follow: goes with one request")):
        done = sonde("scan", "127.0.0.1", "--probe", "http", *options, code=2)
        assert words in done.err and done.out == "", done.err
    assert json.loads(sonde("scan", "127.0.0.1", "--probe", "http", "--dry-run").out)["port"] == 80
    assert json.loads(sonde("scan", "127.0.0.1", "--probe", "http", "--scheme", "https", "--dry-run").out)["port"] == 443


def test_the_text_of_a_server_is_harmless_in_every_format(sonde, served):
    def hostile(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 \x1b[2J\xff\r\nServer: a\x1b]0;x\x07\xc2\x9b\xfe\r\n\r\n<title>\x1b[1m\xff</title>\x1b")

    port = served(hostile)
    for form in ("ndjson", "csv", "table"):
        out = sonde("scan", f"127.0.0.1:{port}", "--probe", "http", "--all", "--format", form, "--progress", "none", "--dialogue", "--keep-body").out
        assert not [c for c in out if c not in "\n" and unicodedata.category(c) == "Cc"], out
    (record,) = sonde("scan", f"127.0.0.1:{port}", "--probe", "http", "--format", "ndjson", "--keep-body").records
    assert record["http"]["reason"] == "\\x1b[2J\\xff" and record["http"]["title"] == "[1m\\xff"
    assert record["http"]["headers"]["server"] == "a\\x1b]0;x\\x07\\xc2\\x9b\\xfe"
    assert record["http"]["body"].endswith("</title>\\x1b")
