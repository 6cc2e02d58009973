"""The table of what blackbox_exporter 0.23 and sonde are asked alike: a module, a target, the query; and whether the probe succeeds, so that a
world that is broken is not taken for two that agree. A list, a line a case, grouped by prober; hence its length. Not a module of tests.

The servers behind the ports are in blackbox_world.py; what they answer is in blackbox_http.py, blackbox_dns.py and blackbox_servers.py. gRPC over IPv6
is left out: 0.23 writes such an address so that it cannot dial it, and what it then says of every target is not to be copied.
"""
from dataclasses import dataclass, field

CA = {"ca_file": "FOLDER/root.pem"}
QUICK = "1s"  # of a module that is to run into its timeout
PATIENT = "2s"  # where a part is to succeed before
SECRET = "s3cr3t"


@dataclass
class Case:
    name: str
    up: object  # True or False: probe_success; a number: the status of an answer that is no metrics
    query: list  # of pairs, in order
    fields: dict = field(default_factory=dict)
    path: str = "/probe"
    method: str = "GET"


CASES, MODULES = [], {}


def case(name, up, query, **rest):
    assert all(other.name != name for other in CASES), name
    CASES.append(Case(name, up, list(query.items()) if isinstance(query, dict) else query, **rest))


def probe(prober, name, target, up, options=None, *, timeout="5s", fields=None, **query):
    """A case with a module of its own."""
    name = f"{prober}-{name}"
    MODULES[name] = {"prober": prober, "timeout": timeout, prober: options or {}}
    case(name, up, {"module": name, "target": target, **query}, fields=fields or {})


# --- http -------------------------------------------------------------------------------------------------------------


def http(name, target, up, **rest):
    """What has no keys of probe() is the module's."""
    keep = {key: rest.pop(key) for key in ("timeout", "fields", "hostname", "debug") if key in rest}
    probe("http", name, f"http://127.0.0.1:8080{target}" if target.startswith("/") else target, up, rest, **keep)


def https(name, target, up, **rest):
    rest.setdefault("tls_config", CA)
    http(name, target, up, **rest)


for one_name, is_up in {
    "ok": True, "lines": True, "big": True, "empty": True, "chunked": True, "chunked-extended": True, "chunked-cut": False, "chunked-bad": False,
    "no-length": True, "http10": True, "http12": True, "http30": True, "short": False, "long": True, "garbage": False, "early": False,
    "cut-header": False, "no-reason": True, "lf-only": True, "folded": True, "bad-field": False, "space-before-colon": True, "two-lengths": False,
    "same-lengths": True, "bad-length": False, "minus-length": False, "both-lengths": True, "odd-transfer": False, "status-099": False,
    "status-99": False, "status-text": False, "status-999": False, "continue": True, "early-hints": True, "many-1xx": False, "no-content": True,
    "not-modified": False, "reset": False, "latin": True, "large-field": True, "many-fields": True,
    "modified": True, "modified-850": True, "modified-asctime": True, "modified-zone": True, "modified-old": True,
}.items():
    http(one_name, f"/{one_name}", is_up)

http("no-scheme", "127.0.0.1:8080/ok", True)
http("no-scheme-no-port", "127.0.0.1", False)
http("upper-scheme", "HTTP://127.0.0.1:8080/ok", False)
http("other-scheme", "ftp://127.0.0.1:8080/ok", False)
http("v6", "http://[::1]:8080/echo", True)
http("v6-no-brackets", "http://::1:8080/ok", True)
http("query-and-fragment", "/echo?a=1&b=%20#part", True, fail_if_body_not_matches_regexp=["(?m)^GET /echo\\?a=1&b=%20$"])
http("path-with-space", "/echo/a b", True, fail_if_body_not_matches_regexp=["GET /echo/a%20b"])
http("path-not-ascii", "/echo/\u00e9%2f", True, fail_if_body_not_matches_regexp=["GET /echo/%C3%A9/\n"])
http("path-escaped", "/echo/%2F%41%c3/a;b=c,d", True, fail_if_body_not_matches_regexp=["GET /echo/%2F%41%c3/a;b=c,d\n"])
http("user-in-url", "http://user:pass@127.0.0.1:8080/private", True)
http("bad-port", "http://127.0.0.1:port/ok", False)
http("port-too-large", "http://127.0.0.1:70000/ok", False)
http("bad-escape", "http://127.0.0.1:8080/%zz", False)
http("host-is-empty", "http:///ok", False)
http("localhost", "http://localhost:8080/echo", True)
http("localhost-ip4", "http://localhost:8080/echo", True, preferred_ip_protocol="ip4")
http("localhost-ip6-only", "http://localhost:8080/echo", True, preferred_ip_protocol="ip6", ip_protocol_fallback=False)
http("v4-name", "http://v4.test:8080/echo", True)
http("v4-name-no-fallback", "http://v4.test:8080/echo", False, ip_protocol_fallback=False)
http("v4-name-ip4-no-fallback", "http://v4.test:8080/echo", True, preferred_ip_protocol="ip4", ip_protocol_fallback=False)
http("v6-name-ip4-fallback", "http://v6.test:8080/echo", True, preferred_ip_protocol="ip4")
http("v6-name-no-fallback", "http://v6.test:8080/echo", False, preferred_ip_protocol="ip4", ip_protocol_fallback=False)
http("both-name", "http://both.test:8080/echo", True)
http("v4-address-no-fallback", "/ok", False, ip_protocol_fallback=False)
http("v6-address-ip4", "http://[::1]:8080/ok", True, preferred_ip_protocol="ip4")
http("hosts-file", "http://hosts4.test:8080/echo", True)
http("nobody", "http://nobody.test/", False)
http("servfail", "http://servfail.test/", False)
http("empty-name", "http://empty.test/", False)
http("dns-silent", "http://silent.test/", False, timeout=QUICK)
http("trailing-dot", "http://v4.test.:8080/echo", True)
http("refused", "http://127.0.0.1:1/", False)
http("unreachable", "http://127.9.9.8:8080/", False)
http("connect-timeout", "http://127.9.9.9:8080/ok", False, timeout=QUICK)
http("slow", "/slow", False, timeout=QUICK)
http("slow-body", "/slow-body", False, timeout=PATIENT)
http("slow-by-header", "/slow", False, fields={"X-Prometheus-Scrape-Timeout-Seconds": "1.5"})
http("offset-larger", "/slow", False, timeout=QUICK, fields={"X-Prometheus-Scrape-Timeout-Seconds": "0.2"})
http("offset-larger-no-timeout", "/ok", False, timeout="0s", fields={"X-Prometheus-Scrape-Timeout-Seconds": "0.2"})
http("not-http-service", "http://127.0.0.1:7001/", False)

http("valid-status", "/status/404", True, valid_status_codes=[404, 410])
http("valid-status-not-200", "/ok", False, valid_status_codes=[404])
http("status-500", "/status/500", False)
http("status-299", "/status/299", True)
http("valid-version", "/ok", True, valid_http_versions=["HTTP/1.1", "HTTP/2.0"])
http("invalid-version", "/http10", False, valid_http_versions=["HTTP/1.1", "HTTP/2.0"])
http("fail-if-not-ssl", "/ok", False, fail_if_not_ssl=True)
http("fail-if-ssl-plain", "/ok", True, fail_if_ssl=True)

http("head", "/lines", True, method="HEAD")
http("head-no-length", "/no-length", True, method="HEAD")
http("post", "/echo", True, method="POST", body="a=1\nb=2", headers={"Content-Type": "text/x"},
     fail_if_body_not_matches_regexp=["(?s)^POST /echo\n.*content-length: 7\n.*content-type: text/x\n.*\n\na=1\nb=2$"])
http("post-empty", "/echo", True, method="POST", fail_if_body_not_matches_regexp=["content-length: 0"])
http("put", "/echo", True, method="PUT", body="x")
http("get-with-body", "/echo", True, body="payload", fail_if_body_not_matches_regexp=["payload$"])
http("delete", "/echo", True, method="DELETE")
http("own-method", "/echo", True, method="PURGE", fail_if_body_not_matches_regexp=["^PURGE "])
http("lower-method", "/echo", True, method="post", fail_if_body_not_matches_regexp=["^post "])
http("bad-method", "/echo", False, method="A B")
http("headers", "/echo", True, headers={"X-One": "1", "x-two": "two words", "Cookie": "a=b"},
     fail_if_body_not_matches_regexp=["x-one: 1\n", "x-two: two words\n", "cookie: a=b\n"])
http("accept-encoding", "/echo", True, headers={"Accept-Encoding": "gzip"}, fail_if_body_not_matches_regexp=["accept-encoding: gzip"])
http("user-agent", "/agent", True, headers={"User-Agent": "mine/1"}, fail_if_body_not_matches_regexp=["^mine/1$"])
http("user-agent-empty", "/agent", True, headers={"User-Agent": ""})
http("host-header", "/echo", True, headers={"host": "shop.example"}, fail_if_body_not_matches_regexp=["host: shop.example\n"])
http("bad-header-value", "/echo", False, headers={"X-One": "a\nb"})
http("hostname", "/echo", True, hostname="shop.example", fail_if_body_not_matches_regexp=["host: shop.example\n"])
http("hostname-same-as-header", "/echo", True, hostname="a.example", headers={"Host": "a.example"})
http("hostname-differs", "/echo", 400, hostname="b.example", headers={"Host": "a.example"})

http("body-matches", "/lines", False, fail_if_body_matches_regexp=["absent", "second"])
http("body-matches-not", "/lines", True, fail_if_body_matches_regexp=["absent"])
http("body-not-matches", "/lines", False, fail_if_body_not_matches_regexp=["first", "absent"])
http("body-end", "/lines", False, fail_if_body_not_matches_regexp=["line$"])
http("body-end-multiline", "/lines", True, fail_if_body_not_matches_regexp=["(?m)first line$"])
http("body-dot-and-newline", "/lines", False, fail_if_body_not_matches_regexp=["first.*last"])
http("body-case", "/lines", True, fail_if_body_not_matches_regexp=["(?i)SECOND LINE"])
http("body-unicode", "/lines", True, fail_if_body_not_matches_regexp=["\\pL+ \\x{6C}ine"])
http("body-latin", "/latin", True, fail_if_body_not_matches_regexp=["caf. "])
http("body-nul", "/latin", True, fail_if_body_not_matches_regexp=["\\x00end"])
http("body-empty", "/empty", False, fail_if_body_not_matches_regexp=["."])
http("body-and-status", "/status/500", False, fail_if_body_matches_regexp=["asked"])
http("body-cut-and-matched", "/short", False, fail_if_body_not_matches_regexp=["only"])
http("body-slow-and-matched", "/slow-body", False, timeout=PATIENT, fail_if_body_not_matches_regexp=["beginning"])
for one_name, is_up, rule in (
    ("matches", False, {"header": "X-Kind", "regexp": "two"}), ("matches-no", True, {"header": "X-Kind", "regexp": "three"}),
    ("matches-missing", False, {"header": "X-None", "regexp": "a"}), ("matches-allowed", True, {"header": "X-None", "regexp": "a", "allow_missing": True}),
    ("matches-empty", True, {"header": "X-Empty", "regexp": "."}),
):
    http(f"header-{one_name}", "/fields", is_up, fail_if_header_matches=[rule])
for one_name, is_up, rule in (
    ("any", True, {"header": "x-kind", "regexp": "^two$"}), ("none", False, {"header": "X-Kind", "regexp": "three"}),
    ("missing", False, {"header": "X-None", "regexp": "a"}), ("allowed", True, {"header": "X-None", "regexp": "a", "allow_missing": True}),
    ("type", True, {"header": "Content-Type", "regexp": "^text/html; charset=utf-8$"}),
):
    http(f"header-not-{one_name}", "/fields", is_up, fail_if_header_not_matches=[rule])
http("header-and-body", "/fields", False, fail_if_header_not_matches=[{"header": "X-Kind", "regexp": "one"}], fail_if_body_matches_regexp=["hello"])
http("header-before-body", "/fields", False, fail_if_header_matches=[{"header": "X-Kind", "regexp": "one"}], fail_if_body_not_matches_regexp=["hello"])

http("gzip", "/gzip", True, compression="gzip", fail_if_body_not_matches_regexp=["second"])
http("gzip-upper", "/gzip", True, compression="GZIP", headers={"Accept-Encoding": ""})
http("gzip-not-asked", "/gzip", True)
http("gzip-chunked", "/gzip-chunked", True, compression="gzip")
http("gzip-two-members", "/gzip-two", True, compression="gzip", fail_if_body_not_matches_regexp=["^onetwo$"])
http("gzip-cut", "/gzip-cut", False, compression="gzip")
http("gzip-bad", "/gzip-bad", False, compression="gzip")
http("gzip-is-plain", "/lines", False, compression="gzip", fail_if_body_not_matches_regexp=["line"])
http("gzip-of-nothing", "/empty", False, compression="gzip")
http("brotli", "/brotli", True, compression="br", fail_if_body_not_matches_regexp=["second"])
http("brotli-cut", "/brotli-cut", True, compression="br")
http("brotli-is-plain", "/lines", False, compression="br")
http("deflate", "/deflate", True, compression="deflate", fail_if_body_not_matches_regexp=["second"])
http("deflate-with-zlib-header", "/zlib", False, compression="deflate")
http("identity", "/lines", True, compression="identity")
http("compression-unknown", "/lines", False, compression="zstd")
http("size-limit", "/lines", True, body_size_limit="33B")
http("size-limit-exceeded", "/lines", False, body_size_limit="32B")
http("size-limit-kb", "/big", False, body_size_limit="10KB")
http("size-limit-regexp", "/lines", False, body_size_limit="12B", fail_if_body_not_matches_regexp=["first"])
http("size-limit-gzip", "/gzip-big", False, body_size_limit="1KB", compression="gzip")

for code in (301, 302, 303, 307, 308):
    http(f"redirect-{code}", f"/redirect/{code}", True)
    http(f"redirect-{code}-post", f"/redirect/{code}", True, method="POST", body="again", headers={"X-One": "1", "Content-Type": "text/x"})
http("redirect-put-303", "/redirect/303", True, method="PUT", body="x")
http("redirect-head", "/redirect/302", True, method="HEAD")
for one_name, is_up in {
    "choices": False, "use-proxy": False, "bad-location": False, "no-location": False, "loop": False, "cookie": True, "redirect-body": True, "hop/10": False,
    "hop/9": True, "hop/11": False,
}.items():
    http(f"redirect-{one_name.replace('/', '-')}", f"/{one_name}", is_up)
for one_name, is_up in {
    "localhost": True, "refused": False, "nobody": False, "relative": False, "up": True, "query": False, "scheme-relative": True, "fragment": True, "ftp": False,
    "upper": True, "gone": False, "v6": True, "short": False, "spaces": True, "empty": False,
}.items():
    http(f"redirect-to-{one_name}", f"/to/{one_name}", is_up)
http("redirect-to-silent", "/to/silent", False, timeout=PATIENT)
http("redirect-to-https", "/to/https", True, tls_config=CA)
http("redirect-to-https-wants-none", "/to/https", False, tls_config=CA, fail_if_ssl=True)
http("redirect-to-https-wanted", "/to/https", True, tls_config=CA, fail_if_not_ssl=True)
http("redirect-to-https-unknown-ca", "/to/https", False)
http("redirect-to-expired", "/to/expired", False, tls_config=CA)
http("redirect-to-name", "/to/name", True, tls_config=CA)
http("redirect-not-followed", "/redirect/302", False, follow_redirects=False)
http("redirect-not-followed-valid", "/redirect-body", True, follow_redirects=False, valid_status_codes=[302],
     fail_if_header_not_matches=[{"header": "Location", "regexp": "^/lines$"}])
http("redirect-not-followed-body", "/redirect-body", False, follow_redirects=False, valid_status_codes=[302], fail_if_body_not_matches_regexp=["hello"])  # the body is closed by then
http("redirect-not-followed-legacy", "/redirect/302", False, no_follow_redirects=True)
http("redirect-with-auth", "/redirect/302", True, basic_auth={"username": "user", "password": "pass"}, fail_if_body_not_matches_regexp=["Basic dXNlcjpwYXNz"])
http("redirect-elsewhere-with-auth", "/to/localhost", True, headers={"Authorization": "Bearer x", "X-One": "1"})
http("redirect-of-host-header", "/redirect/302", True, headers={"Host": "shop.example"})
http("redirect-hostname", "/redirect/302", True, hostname="shop.example")

http("basic-auth", "/private", True, basic_auth={"username": "user", "password": "pass"})
http("basic-auth-file", "/private", True, basic_auth={"username": "user", "password_file": "FOLDER/password"})
http("basic-auth-wrong", "/private", False, basic_auth={"username": "user", "password": "other"})
http("bearer-token", "/echo", True, bearer_token=SECRET, fail_if_body_not_matches_regexp=["authorization: Bearer s3cr3.\n"])
http("bearer-token-file", "/echo", True, bearer_token_file="FOLDER/secret", fail_if_body_not_matches_regexp=["authorization: Bearer token-of-a-file\n"])
http("authorization", "/echo", True, authorization={"type": "Token", "credentials": SECRET}, fail_if_body_not_matches_regexp=["authorization: Token s3cr3.\n"])
http("authorization-file", "/echo", True, authorization={"credentials_file": "FOLDER/secret"}, fail_if_body_not_matches_regexp=["Bearer token-of-a-file"])
http("auth-and-header", "/echo", True, basic_auth={"username": "u", "password": "p"}, headers={"Authorization": "Own x"}, fail_if_body_not_matches_regexp=["Own x"])
OAUTH = {"client_id": "id", "client_secret": "secret", "token_url": "http://127.0.0.1:8080/token"}
http("oauth2", "/echo", True, oauth2=OAUTH, fail_if_body_not_matches_regexp=["authorization: Bearer client_credentials-none-none\n"])
http("oauth2-scopes", "/echo", True, oauth2=OAUTH | {"scopes": ["a", "b"], "endpoint_params": {"audience": "x y"}},
     fail_if_body_not_matches_regexp=["Bearer client_credentials-a\\+b-x\\+y\n"])
http("oauth2-wrong-secret", "/echo", False, oauth2=OAUTH | {"client_secret": "other"})
http("oauth2-bad-answer", "/echo", False, oauth2=OAUTH | {"token_url": "http://127.0.0.1:8080/token-bad"})
http("oauth2-refused", "/echo", False, oauth2=OAUTH | {"token_url": "http://127.0.0.1:1/"})

http("proxy", "/echo", True, proxy_url="http://127.0.0.1:3128", fail_if_body_not_matches_regexp=["by proxy\nGET http://127.0.0.1:8080/echo\n"])
http("proxy-name", "http://v4.test:8080/echo", True, proxy_url="http://127.0.0.1:3128")
http("proxy-unknown-name", "http://nobody.test/echo", False, proxy_url="http://127.0.0.1:3128")
http("proxy-skips-resolving", "http://nobody.test/echo", True, proxy_url="http://127.0.0.1:3128", skip_resolve_phase_with_proxy=True)
http("proxy-skips-only-with-proxy", "http://nobody.test/echo", False, skip_resolve_phase_with_proxy=True)
http("proxy-refused", "/echo", False, proxy_url="http://127.0.0.1:1")
http("proxy-by-name", "/echo", True, proxy_url="http://localhost:3128")
http("proxy-wants-login", "/echo", False, proxy_url="http://127.0.0.1:3129")
http("proxy-with-login", "/echo", True, proxy_url="http://user:pass@127.0.0.1:3129")
https("proxy-connect", "https://127.0.0.1:8443/ok", True, proxy_url="http://127.0.0.1:3128")
https("proxy-connect-name", "https://site.test:8443/ok", True, proxy_url="http://127.0.0.1:3128", skip_resolve_phase_with_proxy=True)
https("proxy-connect-login", "https://127.0.0.1:8443/ok", True, proxy_url="http://user:pass@127.0.0.1:3129")
https("proxy-connect-refused", "https://127.0.0.1:1/ok", False, proxy_url="http://127.0.0.1:3128")
https("proxy-connect-no-login", "https://127.0.0.1:8443/ok", False, proxy_url="http://127.0.0.1:3129")

https("tls", "https://127.0.0.1:8443/echo", True)
https("tls-no-port", "https://127.0.0.1/echo", True)
https("tls-v6", "https://[::1]:8443/ok", True)
https("tls-name", "https://site.test:8443/ok", True)
https("tls-localhost", "https://localhost:8443/echo", True)
https("tls-fail-if-ssl", "https://127.0.0.1:8443/ok", False, fail_if_ssl=True)
https("tls-fail-if-not-ssl", "https://127.0.0.1:8443/ok", True, fail_if_not_ssl=True)
https("tls-to-http", "https://127.0.0.1:8443/to/http", False, fail_if_not_ssl=True)
https("tls-unknown-ca", "https://127.0.0.1:8443/ok", False, tls_config={})
https("tls-expired", "https://127.0.0.1:8444/ok", False)
https("tls-not-yet", "https://127.0.0.1:8454/ok", False)
https("tls-self-signed", "https://127.0.0.1:8445/ok", False)
https("tls-self-signed-trusted", "https://127.0.0.1:8445/ok", True, tls_config={"ca_file": "FOLDER/self.pem"})
https("tls-wrong-name", "https://127.0.0.1:8446/ok", False)
https("tls-server-name", "https://127.0.0.1:8446/ok", True, tls_config=CA | {"server_name": "other.test"})
https("tls-hostname", "https://127.0.0.1:8446/ok", True, hostname="other.test")
https("tls-host-header", "https://127.0.0.1:8446/ok", True, headers={"Host": "other.test"})
https("tls-no-intermediate", "https://127.0.0.1:8451/ok", False)
https("tls-name-in-subject-alone", "https://127.0.0.1:8452/ok", False)
https("tls-many-names", "https://127.0.0.1:8453/ok", True)
for one_name, port in {"good": 8443, "expired": 8444, "self": 8445, "other": 8446, "many": 8453, "alone": 8451}.items():
    https(f"tls-insecure-{one_name}", f"https://127.0.0.1:{port}/ok", True, tls_config={"insecure_skip_verify": True})
https("tls-client-needed", "https://127.0.0.1:8447/ok", False)
https("tls-client-needed-12", "https://127.0.0.1:8455/ok", False)
https("tls-client", "https://127.0.0.1:8447/ok", True, tls_config=CA | {"cert_file": "FOLDER/client.pem", "key_file": "FOLDER/client.key"})
https("tls-client-12", "https://127.0.0.1:8455/ok", True, tls_config=CA | {"cert_file": "FOLDER/client.pem", "key_file": "FOLDER/client.key"})
https("tls-12", "https://127.0.0.1:8448/ok", True)
https("tls-min-13", "https://127.0.0.1:8448/ok", False, tls_config=CA | {"min_version": "TLS13"})
https("tls-11", "https://127.0.0.1:8450/ok", False)
https("tls-min-10", "https://127.0.0.1:8450/ok", True, tls_config=CA | {"min_version": "TLS10"})
https("tls-to-plain", "https://127.0.0.1:8080/ok", False)
https("plain-to-tls", "http://127.0.0.1:8443/ok", False)
https("tls-silent", "https://127.0.0.1:7006/", False, timeout=QUICK)
https("tls-slow", "https://127.0.0.1:8443/slow", False, timeout=PATIENT)
https("tls-refused", "https://127.0.0.1:1/", False)
https("tls-missing-ca-file", "https://127.0.0.1:8443/ok", False, tls_config={"ca_file": "FOLDER/none.pem"})
https("h2", "https://127.0.0.1:8449/page.html", True, valid_http_versions=["HTTP/2.0"])
https("h2-off", "https://127.0.0.1:8449/page.html", True, enable_http2=False, valid_http_versions=["HTTP/1.1"])
https("h2-gzip", "https://127.0.0.1:8449/page.html", True, compression="gzip", headers={"Accept-Encoding": "gzip"}, fail_if_body_not_matches_regexp=["compresses"])
https("h2-redirect", "https://127.0.0.1:8449/old", True)
https("h2-to-plain", "https://127.0.0.1:8449/plain", True)
https("h2-post", "https://127.0.0.1:8449/post", True, method="POST", body="12345", fail_if_body_not_matches_regexp=["^POST 5\n"])
https("h2-head", "https://127.0.0.1:8449/page.html", True, method="HEAD")
https("h2-status", "https://127.0.0.1:8449/teapot", False)
https("h2-headers", "https://127.0.0.1:8449/page.html", True, headers={"X-One": "seen", "Host": "site.test"},
      fail_if_header_not_matches=[{"header": "X-Seen", "regexp": "^seen$"}, {"header": "x-seen-host", "regexp": "^site\\.test$"}])
https("h2-size-limit", "https://127.0.0.1:8449/page.html", False, body_size_limit="100B")
http("nginx", "http://127.0.0.1:8081/page.html", True)
http("nginx-gzip", "http://127.0.0.1:8081/page.html", True, compression="gzip", headers={"Accept-Encoding": "gzip"})
http("nginx-missing", "http://127.0.0.1:8081/none", False)
https("nginx-to-h2", "http://127.0.0.1:8081/secure", True)


# --- tcp --------------------------------------------------------------------------------------------------------------


def tcp(name, target, up, *dialogue, **rest):
    keep = {key: rest.pop(key) for key in ("timeout", "hostname", "debug") if key in rest}
    options = ({"query_response": [dict(step) for step in dialogue]} if dialogue else {}) | rest
    probe("tcp", name, f"127.0.0.1:{target}" if isinstance(target, int) else target, up, options, **keep)


STARTTLS = ({"expect": "^220 ready"}, {"send": "EHLO prober\r"}, {"expect": "^250[ -]STARTTLS"}, {"send": "STARTTLS\r"}, {"expect": "^220"}, {"starttls": True},
            {"send": "EHLO prober\r"}, {"expect": "^250 AUTH"}, {"send": "QUIT\r"})

tcp("connect", 7001, True)
tcp("refused", 1, False)
tcp("timeout", "127.9.9.9:8080", False, timeout=QUICK)
tcp("unreachable", "127.9.9.8:80", False)
tcp("no-port", "127.0.0.1", False)
tcp("port-by-name", "127.0.0.1:domain", True)
tcp("port-unknown", "127.0.0.1:nosuchservice", False)
tcp("port-too-large", "127.0.0.1:99999", False)
tcp("host-is-empty", ":7001", False)
tcp("v6", "[::1]:2525", True)
tcp("v6-no-brackets", "::1:2525", False)
tcp("name", "v4.test:7001", True)
tcp("name-v6-first", "both.test:2525", True)
tcp("name-ip4", "both.test:2525", True, preferred_ip_protocol="ip4")
tcp("name-no-fallback", "v4.test:7001", False, ip_protocol_fallback=False)
tcp("nobody", "nobody.test:25", False)
tcp("source", 7001, True, source_ip_address="127.0.0.7")
tcp("source-not-ours", 7001, False, source_ip_address="203.0.113.9")
tcp("source-bad", 7001, False, source_ip_address="somewhere")
tcp("source-other-family", 7001, False, source_ip_address="::1")
tcp("ssh", 7001, True, {"expect": "^SSH-2.0-"}, {"send": "SSH-2.0-blackbox-ssh-check"})
tcp("wrong-banner", 7003, False, {"expect": "^SSH-2.0-"})
tcp("wrong-banner-stays", 7001, False, {"expect": "^HTTP"}, timeout=PATIENT)
tcp("silent", 7006, False, {"expect": "."}, timeout=QUICK)
tcp("closes", 7007, False, {"expect": "."})
tcp("send-alone", 7006, True, {"send": "hello"})
tcp("skips-lines", 7003, True, {"expect": "three"})
tcp("last-line-without-end", 7003, True, {"expect": "without an end$"})
tcp("two-expects", 7003, True, {"expect": "one"}, {"expect": "three"})
tcp("line-is-consumed", 7003, False, {"expect": "one"}, {"expect": "one"})
tcp("unanchored", 7003, True, {"expect": "hre"})
tcp("empty-expect", 7003, True, {"expect": ""}, {"expect": "two"})
tcp("carriage-returns", 7004, True, {"expect": "^a\r$"}, {"expect": "^$"})
tcp("odd-bytes", 7004, True, {"expect": "^b\\x00c.$"})
tcp("line-too-long", 7005, False, {"expect": "end"})
tcp("line-long", 7008, True, {"expect": "^y{999}"}, {"expect": "end"})
tcp("captures", 6667, True, {"send": "NICK prober"}, {"send": "USER prober prober prober :prober"}, {"expect": "PING :([^ ]+)", "send": "PONG ${1}"},
    {"expect": "^:[^ ]+ 001"})
tcp("capture-names", 7000, True, {"send": "key=value"}, {"expect": "<(?P<key>\\w+)=(?P<value>\\w+)>", "send": "${value}-$key-$$-$1x-${2}-${9}-$"},
    {"expect": "<value-key-\\$--value--\\$>"})
tcp("send-without-expect-is-literal", 7000, True, {"send": "${1} $$"}, {"expect": "<\\$\\{1\\} \\$\\$>"})
tcp("smtp", 2525, True, {"expect": "^220 "}, {"send": "EHLO prober\r"}, {"expect": "^250-mail"}, {"send": "QUIT\r"}, {"expect": "^221"})
tcp("starttls", 2525, True, *STARTTLS, tls_config=CA)
tcp("starttls-name", "site.test:2525", True, *STARTTLS, tls_config=CA)
tcp("starttls-unknown-ca", 2525, False, *STARTTLS)
tcp("starttls-insecure", 2525, True, *STARTTLS, tls_config={"insecure_skip_verify": True})
tcp("starttls-wrong-name", 2525, False, *STARTTLS, tls_config=CA | {"server_name": "other.test"})
tcp("starttls-refused", 2525, False, {"expect": "^220 "}, {"send": "NOOP\r"}, {"expect": "^500"}, {"starttls": True}, tls_config=CA, timeout=PATIENT)
tcp("imap-starttls", 1143, True, {"expect": "OK"}, {"send": ". STARTTLS\r"}, {"expect": "^\\. OK"}, {"starttls": True}, {"send": ". capability\r"},
    {"expect": "CAPABILITY IMAP4rev1"}, tls_config=CA)
tcp("tls", 8443, True, tls=True, tls_config=CA)
tcp("tls-12", 8448, True, tls=True, tls_config=CA)
tcp("tls-dialogue", 7443, True, {"send": "hello"}, {"expect": "got <hello>"}, tls=True, tls_config=CA)
tcp("tls-http", 8443, True, {"send": "GET /ok HTTP/1.0\r\n\r"}, {"expect": "^HTTP/1.1 200"}, {"expect": "hello"}, tls=True, tls_config=CA)
tcp("tls-name", "site.test:8443", True, tls=True, tls_config=CA)
tcp("tls-hostname", "127.0.0.1:8446", True, tls=True, tls_config=CA | {"server_name": "other.test"})
tcp("tls-expired", 8444, False, tls=True, tls_config=CA)
tcp("tls-expired-insecure", 8444, True, tls=True, tls_config={"insecure_skip_verify": True})
tcp("tls-unknown-ca", 8443, False, tls=True)
tcp("tls-self-signed-insecure", 8445, True, tls=True, tls_config={"insecure_skip_verify": True})
tcp("tls-many-names", 8453, True, tls=True, tls_config=CA)
tcp("tls-client", 8447, True, tls=True, tls_config=CA | {"cert_file": "FOLDER/client.pem", "key_file": "FOLDER/client.key"})
tcp("tls-client-needed", 8447, True, tls=True, tls_config=CA)
tcp("tls-client-needed-12", 8455, False, tls=True, tls_config=CA)
tcp("tls-to-plain", 7001, False, tls=True, tls_config=CA)
tcp("tls-silent", 7006, False, tls=True, tls_config=CA, timeout=QUICK)
tcp("tls-missing-key-file", 8443, False, tls=True, tls_config=CA | {"cert_file": "FOLDER/client.pem", "key_file": "FOLDER/none"})
tcp("tls-regexp-fails", 7443, False, {"send": "hello"}, {"expect": "never"}, tls=True, tls_config=CA, timeout=PATIENT)


# --- dns --------------------------------------------------------------------------------------------------------------


def dns(name, query_name, up, *, target="127.0.0.1:5301", **rest):
    keep = {key: rest.pop(key) for key in ("timeout", "debug") if key in rest}
    probe("dns", name, target, up, {"query_name": query_name, **rest}, **keep)


def odd(name, up, **rest):
    """Of the server that answers as it is asked."""
    dns(f"odd-{name}", f"{name}.odd", up, target="127.0.0.1:5300", **rest)


def rrs(section="answer", **rules):
    return {f"validate_{section}_rrs": {f"fail_if_{key}_regexp": patterns for key, patterns in rules.items()}}


for one_name, owner, text in (
    ("A", "www.example", "^www\\.example\\.\t300\tIN\tA\t192\\.0\\.2\\.1$"), ("MX", "mail.example", "^mail\\.example\\.\t300\tIN\tMX\t10 mx\\.example\\.$"),
    ("NS", "example", "^example\\.\t3600\tIN\tNS\tns\\.example\\.$"), ("TXT", "text.example", "^text\\.example\\.\t60\tIN\tTXT\t\"v=spf1 -all\" \"second\"$"),
    ("CAA", "caa.example", "^caa\\.example\\.\t60\tIN\tCAA\t0 issue \"ca\\.example\"$"),
    ("SRV", "srv._tcp.example", "^srv\\._tcp\\.example\\.\t60\tIN\tSRV\t1 2 443 www\\.example\\.$"),
    ("NAPTR", "naptr.example", "\tNAPTR\t100 10 \"u\" \"E2U\\+sip\" \"!\\^\\.\\*\\$!sip:info@example!\" \\.$"),
    ("TLSA", "tlsa.example", "\tTLSA\t3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971$"),
    ("SSHFP", "sshfp.example", "\tSSHFP\t4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789$"),
    ("DS", "ds.example", "\tDS\t60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118$"), ("HINFO", "hinfo.example", "\tHINFO\t\"PC\" \"Linux\"$"),
    ("LOC", "loc.example", "\tLOC\t52 22 23.000 N 04 53 32.000 E -2m 0\\.00m 10000m 10m$"), ("CNAME", "alias.example", "\tCNAME\twww\\.example\\.$"),
    ("DNAME", "dname.example", "\tDNAME\texample\\.$"), ("SOA", "example", "\tSOA\tns\\.example\\. admin\\.example\\. 2026010203 7200 3600 86400 300$"),
):
    dns(f"type-{one_name}", owner, True, query_type=one_name, **rrs(not_matches=[text]))
dns("type-AAAA", "www.example", True, query_type="AAAA", **rrs(none_matches=["\tAAAA\t2001:db8::1$"]))
dns("type-AAAA-mapped", "www.example", True, query_type="AAAA", **rrs(none_matches=["\tAAAA\t192\\.0\\.2\\.1$"]))
dns("type-ANY", "www.example", True)
dns("type-ANY-of-zone", "example", True, query_type="ANY")
dns("type-TYPE-number", "www.example", True, query_type="HTTPS")
dns("class-CH", "id.server", True, query_type="TXT", query_class="CH", **rrs(not_matches=["^id\\.server\\.\t\\d+\tCH\tTXT\t\"differential\"$"]))
dns("class-HS", "www.example", False, query_type="A", query_class="HS")
dns("name-with-dot", "www.example.", True, query_type="A")
dns("name-of-root", ".", False, query_type="NS")
dns("name-upper", "WWW.Example", True, query_type="A")
dns("name-too-long", "a" * 64 + ".example", False, query_type="A")
dns("name-empty-label", "a..example", False, query_type="A")
dns("no-recursion", "www.example", True, query_type="A", recursion_desired=False)
dns("nxdomain", "nobody.example", False, query_type="A")
dns("nxdomain-valid", "nobody.example", True, query_type="A", valid_rcodes=["NXDOMAIN"], **rrs("authority", not_matches=["\tSOA\t"]))
dns("noerror-invalid", "www.example", False, query_type="A", valid_rcodes=["NXDOMAIN", "REFUSED"])
dns("rcode-unknown", "www.example", False, query_type="A", valid_rcodes=["NOSUCH", "NOERROR"])
dns("rcodes-empty", "www.example", False, query_type="A", valid_rcodes=[])
dns("tcp", "www.example", True, query_type="A", transport_protocol="tcp")
dns("transport-unknown", "www.example", False, transport_protocol="sctp")
dns("default-port", "one.odd", True, target="127.0.0.1")
dns("port-by-name", "one.odd", True, target="127.0.0.1:domain")
dns("v6", "one.odd", True, target="[::1]:5300")
dns("v6-no-brackets", "one.odd", False, target="::1")
dns("name", "one.odd", True, target="v4.test:5300")
dns("name-v6-first", "one.odd", True, target="both.test:5300")
dns("name-ip4", "one.odd", True, target="both.test:5300", preferred_ip_protocol="ip4")
dns("name-no-fallback", "one.odd", False, target="v4.test:5300", ip_protocol_fallback=False)
dns("nobody", "one.odd", False, target="nobody.test:5300")
dns("refused", "one.odd", False, target="127.0.0.1:1")
dns("refused-tcp", "one.odd", False, target="127.0.0.1:1", transport_protocol="tcp")
dns("unreachable", "one.odd", False, target="127.9.9.8:53")
dns("connect-timeout", "one.odd", False, target="127.9.9.9:8080", transport_protocol="tcp", timeout=QUICK)
dns("source", "one.odd", True, target="127.0.0.1:5300", source_ip_address="127.0.0.7")
dns("source-bad", "one.odd", False, target="127.0.0.1:5300", source_ip_address="x")
dns("source-not-ours", "one.odd", False, target="127.0.0.1:5300", source_ip_address="203.0.113.9")
dns("dot", "one.odd", True, target="127.0.0.1:8530", transport_protocol="tcp", dns_over_tls=True, tls_config=CA)
dns("dot-default-port", "one.odd", True, target="127.0.0.1", transport_protocol="tcp", dns_over_tls=True, tls_config=CA)
dns("dot-name", "one.odd", True, target="site.test:8530", transport_protocol="tcp", dns_over_tls=True, tls_config=CA)
dns("dot-unknown-ca", "one.odd", False, target="127.0.0.1:8530", transport_protocol="tcp", dns_over_tls=True)
dns("dot-insecure", "one.odd", True, target="127.0.0.1:8530", transport_protocol="tcp", dns_over_tls=True, tls_config={"insecure_skip_verify": True})
dns("dot-wrong-name", "one.odd", False, target="127.0.0.1:8530", transport_protocol="tcp", dns_over_tls=True, tls_config=CA | {"server_name": "other.test"})
dns("dot-over-udp", "one.odd", False, target="127.0.0.1:8530", dns_over_tls=True, tls_config=CA)
dns("dot-to-plain", "one.odd", False, target="127.0.0.1:5300", transport_protocol="tcp", dns_over_tls=True, tls_config=CA, timeout="1s")
for one_name, is_up in {
    "one": True, "two": True, "none": True, "alias": True, "sections": True, "edns": True, "texts": True, "unknown": True, "truncated": True,
    "truncated-some": True, "large": False, "garbage": False, "header-alone": True, "id-alone": False, "question-back": True, "other-question": True,
    "no-question": True, "short-data": False, "counts": True, "no-such-answers": True, "trailing": True, "loop": False, "short-a": False,
    "recursion": True, "formerr": False, "servfail": False, "notimp": False, "refused": False, "yxdomain": False, "reserved": False,
}.items():
    odd(one_name, is_up)
odd("silent", False, timeout=QUICK)
odd("datagram-empty", False, timeout=QUICK)
odd("wrong-id", False, timeout=QUICK)
odd("wrong-then-right", True)
dns("no-recursion-refused", "recursion.odd", False, target="127.0.0.1:5300", recursion_desired=False)
dns("odd-valid-rcodes", "notimp.odd", True, target="127.0.0.1:5300", valid_rcodes=["NOTIMP", "SERVFAIL"])
for one_name, is_up in {"one": True, "truncated": True, "large": True, "close": False, "cut": False, "garbage": False, "wrong-id": False, "silent": False}.items():
    dns(f"tcp-{one_name}", f"{one_name}.odd", is_up, target="127.0.0.1:5300", transport_protocol="tcp", timeout=QUICK if one_name in ("silent", "cut") else "5s")
dns("serial", "example", True, query_type="SOA")
dns("serial-last", "serials.odd", True, target="127.0.0.1:5300", query_type="SOA")
dns("serial-none", "none.odd", True, target="127.0.0.1:5300", query_type="SOA")
dns("serial-elsewhere", "serial-elsewhere.odd", True, target="127.0.0.1:5300", query_type="SOA")
dns("serial-of-failed", "servfail.odd", False, target="127.0.0.1:5300", query_type="SOA")
dns("serial-silent", "silent.odd", False, target="127.0.0.1:5300", query_type="SOA", timeout=QUICK)
ODD = {"target": "127.0.0.1:5300"}
for one_name, owner, is_up, rules in (
    ("matches", "two", False, rrs(matches=["192\\.0\\.2\\.2$"])), ("matches-none", "two", True, rrs(matches=["absent"])),
    ("all-match", "two", True, rrs(all_match=["\tA\t"])), ("all-match-one-does-not", "two", False, rrs(all_match=["2\\.1$"])),
    ("all-match-nothing", "none", True, rrs(all_match=["x"])), ("not-matches", "two", False, rrs(not_matches=["2\\.1$"])),
    ("not-matches-all", "two", True, rrs(not_matches=["two\\.odd"])), ("not-matches-nothing", "none", False, rrs(not_matches=["x"])),
    ("none-matches", "two", False, rrs(none_matches=["absent"])), ("none-matches-one", "two", True, rrs(none_matches=["2\\.2$"])),
    ("none-matches-nothing", "none", False, rrs(none_matches=["x"])), ("none-matches-two-patterns", "two", True, rrs(none_matches=["absent", "2\\.1$"])),
    ("all-rules", "two", True, rrs(matches=["absent"], not_matches=["odd"], none_matches=["2\\.2"], all_match=["two"])),
    ("authority", "sections", True, rrs("authority", not_matches=["\tNS\tns[12]\\.odd\\.$"])), ("authority-fails", "sections", False, rrs("authority", matches=["ns2"])),
    ("additional", "sections", True, rrs("additional", none_matches=["AAAA\t::1$"])), ("additional-fails", "sections", False, rrs("additional", not_matches=["\tA\t"])),
    ("additional-edns", "edns", True, rrs("additional", not_matches=["OPT PSEUDOSECTION"])), ("authority-nothing", "one", False, rrs("authority", none_matches=["x"])),
    ("escaped-name", "escaped", True, rrs(not_matches=["\tCNAME\ta\\\\\\.b\\\\@c\\.\\\\\"\\\\\\(\\\\;\\\\\\)\\.$"])),
    ("unknown-type", "unknown", True, rrs(not_matches=["\tTYPE65400\t\\\\# 3 abcdef$"])), ("text-escapes", "texts", True, rrs(not_matches=["\"a \\\\\"b\\\\\"\" \"\\\\\\\\;\\\\001\" \"\"$"])),
    ("large-ttl", "large-ttl", True, rrs(not_matches=["\t4294967295\tIN"])), ("zero-ttl", "zero-ttl", True, rrs(not_matches=["\t0\tIN\tA\t0\\.0\\.0\\.0$"])),
    ("other-class", "chaos", True, rrs(not_matches=["\tCH\tTXT\t\"hi\"$"])), ("bad-regexp", "one", False, rrs(matches=["("])),
    ("bad-regexp-unused", "none", True, rrs(matches=["("])),
):
    dns(f"rrs-{one_name}", f"{owner}.odd", is_up, **ODD, **rules)


# --- icmp -------------------------------------------------------------------------------------------------------------


def icmp(name, target, up, **rest):
    keep = {key: rest.pop(key) for key in ("timeout", "debug") if key in rest}
    probe("icmp", name, target, up, rest, **keep)


icmp("v4", "127.0.0.1", True)
icmp("v4-other", "127.3.4.5", True)
icmp("v6", "::1", True)
icmp("localhost", "localhost", True)
icmp("localhost-ip4", "localhost", True, preferred_ip_protocol="ip4")
icmp("name", "second.test", True)
icmp("name-no-fallback", "v4.test", False, ip_protocol_fallback=False)
icmp("nobody", "nobody.test", False)
icmp("with-port", "127.0.0.1:80", False)
icmp("silent", "127.9.9.9", False, timeout=QUICK)
icmp("unreachable", "127.9.9.8", False)
icmp("ttl", "127.0.0.1", True, ttl=7)
icmp("ttl-v6", "::1", True, ttl=7)
icmp("payload", "127.0.0.1", True, payload_size=1000)
icmp("payload-small", "127.0.0.1", True, payload_size=5)
icmp("payload-large", "127.0.0.1", True, payload_size=60000)
icmp("payload-too-large", "127.0.0.1", False, payload_size=70000, timeout=QUICK)
icmp("payload-v6", "::1", True, payload_size=1400)
icmp("dont-fragment", "127.0.0.1", True, dont_fragment=True)
icmp("dont-fragment-ttl", "127.0.0.1", True, dont_fragment=True, ttl=9, payload_size=200)
icmp("source", "127.0.0.1", True, source_ip_address="127.0.0.9")
icmp("source-bad", "127.0.0.1", False, source_ip_address="x")
icmp("source-not-ours", "127.0.0.1", False, source_ip_address="203.0.113.9", timeout=QUICK)


# --- grpc -------------------------------------------------------------------------------------------------------------


def grpc(name, target, up, service="", **rest):
    keep = {key: rest.pop(key) for key in ("timeout", "debug") if key in rest}
    probe("grpc", name, target if isinstance(target, str) else f"127.0.0.1:{target}", up, ({"service": service} if service else {}) | rest, **keep)


grpc("serving", 50051, True)
grpc("service", 50051, True, "up")
for one_name in ("down", "undecided", "missing", "beyond", "html", "garbage", "no-status", "no-message", "reset", "refused", "closes"):
    grpc(one_name, 50051, False, one_name)
grpc("unknown-field", 50051, True, "unknown-field")
for number in (1, 2, 4, 5, 7, 12, 14, 16, 99):
    grpc(f"status-{number}", 50051, False, f"status-{number}")
grpc("late-status", 50051, False, "late-5")
for number in (400, 401, 403, 404, 429, 500, 502, 503):
    grpc(f"http-{number}", 50051, False, f"http-{number}")
grpc("with-scheme", "http://127.0.0.1:50051", True)
grpc("with-https-scheme", "https://127.0.0.1:50051", True)
grpc("name", "v4.test:50051", True)
grpc("nobody", "nobody.test:50051", False)
grpc("name-no-fallback", "v4.test:50051", False, ip_protocol_fallback=False)
grpc("refused-connection", 1, False)
grpc("tls", 50052, True, tls=True, tls_config=CA)
grpc("tls-down", 50052, False, "down", tls=True, tls_config=CA)
grpc("tls-status", 50052, False, "status-5", tls=True, tls_config=CA)
grpc("tls-name", "site.test:50052", True, tls=True, tls_config=CA)
grpc("tls-unknown-ca", 50052, False, tls=True)
grpc("tls-insecure", 50053, True, tls=True, tls_config={"insecure_skip_verify": True})
grpc("tls-expired", 50053, False, tls=True, tls_config=CA)
grpc("tls-wrong-name", 50054, False, tls=True, tls_config=CA)
grpc("tls-server-name", 50054, True, tls=True, tls_config=CA | {"server_name": "other.test"})
grpc("tls-no-alpn", 50055, True, tls=True, tls_config=CA)
grpc("plain-to-tls", 50052, False, timeout="1s")
grpc("tls-missing-ca", 50052, False, tls=True, tls_config={"ca_file": "FOLDER/none"})


# --- /probe itself, in the order in which it looks ----------------------------------------------------------------------

OK = "http://127.0.0.1:8080/ok"
MODULES["http_2xx"] = {"prober": "http", "timeout": "5s"}
MODULES["tcp_plain"] = {"prober": "tcp"}
MODULES["prober-unknown"] = {"prober": "smoke"}
MODULES["prober-none"] = {}
TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
case("module-by-default", True, {"target": OK})
case("module-empty", True, {"module": "", "target": OK})
case("module-unknown", 400, {"module": "nosuch", "target": OK})
case("module-unknown-odd-text", 400, {"module": "a\"\n\u00e9\\", "target": OK})
case("module-without-keys", True, {"module": "tcp_plain", "target": "127.0.0.1:7001"})
case("prober-unknown", 400, {"module": "prober-unknown", "target": OK})
case("prober-none", 400, {"module": "prober-none", "target": OK})
case("prober-unknown-without-target", 400, {"module": "prober-unknown"})
case("target-missing", 400, {"module": "http_2xx"})
case("target-empty", 400, {"module": "http_2xx", "target": ""})
case("module-unknown-without-target", 400, {"module": "nosuch"})
case("timeout-bad", 500, {"target": OK}, fields={TIMEOUT: "soon"})
case("timeout-bad-without-target", 500, {}, fields={TIMEOUT: "soon"})
case("timeout-bad-unknown-module", 400, {"module": "nosuch"}, fields={TIMEOUT: "soon"})
case("timeout-zero", True, {"target": OK}, fields={TIMEOUT: "0"})
case("timeout-exponent", True, {"target": OK}, fields={TIMEOUT: "1e1"})
case("timeout-hexadecimal", True, {"target": OK}, fields={TIMEOUT: "0x1p3"})
case("timeout-underscore", True, {"target": OK}, fields={TIMEOUT: "1_0"})
case("timeout-space", 500, {"target": OK}, fields={TIMEOUT: "5 s"})
case("timeout-infinite", True, {"target": OK}, fields={TIMEOUT: "+Inf"})
case("timeout-minus", True, {"target": OK}, fields={TIMEOUT: "-3"})
case("timeout-out-of-range", 500, {"target": OK}, fields={TIMEOUT: "1e999"})
case("target-twice", True, [("target", OK), ("target", "http://127.0.0.1:1/")])
case("parameter-unknown", True, {"target": OK, "nosuch": "1"})
case("debug-false", True, {"target": OK, "debug": "false"})
case("debug-upper", True, {"target": OK, "debug": "TRUE"})
case("post", True, {"target": OK}, method="POST")
case("hostname-of-tcp", True, {"module": "tcp_plain", "target": "127.0.0.1:7001", "hostname": "x.example"})
case("config", 200, {}, path="/config")
case("metrics", 200, {}, path="/metrics")
case("healthy", 200, {}, path="/-/healthy")
case("reload-by-get", 405, {}, path="/-/reload")
case("reload", 200, {}, path="/-/reload", method="POST")

# Debug pages: compared by their sections.
http("debug", "/ok", "debug", debug="true", basic_auth={"username": "user", "password": SECRET}, fail_if_body_not_matches_regexp=["hello"], valid_status_codes=[200])
http("debug-fails", "/status/500", "debug", debug="true", bearer_token=SECRET, headers={"X-One": "1"})
tcp("debug", 7003, "debug", {"expect": "three", "send": "x"}, debug="true")
tcp("debug-refused", 1, "debug", debug="true")
dns("debug", "two.odd", "debug", target="127.0.0.1:5300", debug="true", **rrs(matches=["2\\.2$"]))
icmp("debug", "127.0.0.1", "debug", debug="true")
grpc("debug", 50051, "debug", "down", debug="true")
http("debug-oauth2", "/echo", "debug", debug="true", oauth2=OAUTH | {"client_secret": SECRET})
