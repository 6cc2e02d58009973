"""sonde watch answers as docs/openapi.yaml says: every answer of these tests is held to its operation there, by status, type, fields and schema."""
import base64
import collections
import contextlib
import functools
import gzip
import hashlib
import http.client
import http.server
import json
import re
import socket
import ssl
import threading
import urllib.parse

import certificates
import jsonschema
import pytest
import yaml
from conftest import ROOT, HttpServer, free_port, server_process
from watch import until

SPEC = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
PASSWORD, BCRYPT = "secret", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"


# --- what the document says ---------------------------------------------------------------------------------------------


def resolved(node):
    """An object of the document itself, not of a schema."""
    while "$ref" in node:
        node = functools.reduce(lambda at, key: at[key], node["$ref"].removeprefix("#/").split("/"), SPEC)
    return node


def validator_of(schema):
    whole = {"allOf": [schema], "components": SPEC["components"]}
    return jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())


def operation_of(method, path):
    """The responses of that path: those of its method, or of the one that it has."""
    for template, item in SPEC["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return item.get(method.lower().replace("head", "get"), item.get("get", item.get("post")))
    pytest.fail(f"{path} is not in the document", pytrace=False)


def hold_to_the_document(method, path, answer):
    responses = operation_of(method, path)["responses"]
    assert str(answer.status) in responses, f"{method} {path}: {answer.status} is not in the document\n{answer.text}"
    response = resolved(responses[str(answer.status)])
    for name, field in response.get("headers", {}).items():
        values = answer.fields.get_all(name, [])
        assert values, f"{name} is missing"
        for value in values:
            validator_of(field["schema"]).validate(value)
    kind = answer.fields.get_content_type()
    assert kind in response["content"]
    if method != "HEAD":
        problem = jsonschema.exceptions.best_match(validator_of(response["content"][kind]["schema"]).iter_errors(answer.content))
        assert problem is None, f"{method} {path}: {problem.message} at {list(problem.absolute_path)}\n{answer.text[:2000]}"


class Answer:
    def __init__(self, response):
        self.status, self.fields, self.text = response.status, response.headers, response.read().decode()

    @property
    def content(self):
        return json.loads(self.text) if self.fields.get_content_type() == "application/json" else self.text


# --- a gateway and what it looks at --------------------------------------------------------------------------------------


class Counting(HttpServer):
    """200, or a redirect to what stands behind /to/; counts what came."""

    def __init__(self, host):
        self.came = collections.Counter()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):  # noqa: N802, N805
                self.came[handler.path] += 1
                to = urllib.parse.unquote(handler.path.removeprefix("/to/"))
                handler.send_response(302 if to != handler.path else 200)
                if to != handler.path:
                    handler.send_header("Location", to)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(self, *_):
                pass

        super().__init__((host, 0), Handler)


@contextlib.contextmanager
def counting(host="127.0.0.1"):
    with Counting(host) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Gateway:
    def __init__(self, port, file):
        self.port, self.file = port, file

    def ask(self, path, method="GET", fields=None, **query):
        """Its answer, which is as the document says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else ""), headers=fields or {})
            answer = Answer(connection.getresponse())
        hold_to_the_document(method, path, answer)
        return answer

    def checks(self, **query):
        answer = self.ask("/api/v1/checks", **query)
        assert answer.status == 200, answer.text
        return answer.content

    def names(self, **query):
        return sorted(check["name"] for check in self.checks(**query)["checks"])

    def probe(self, target, module="http", **query):
        return self.ask("/probe", target=target, module=module, **query)


@contextlib.contextmanager
def running(sonde_bin, folder, configuration, *arguments):
    port, file = free_port(), folder / "gateway.yaml"
    file.write_text(yaml.safe_dump({"listen": f"127.0.0.1:{port}", "modules": MODULES, **configuration}))
    with server_process([sonde_bin, "watch", "--config", file, *arguments], folder / "gateway.log", port):
        gateway = Gateway(port, file)
        until("it is ready", lambda: gateway.ask("/-/ready").status == 200)
        yield gateway


V4 = {"preferred_ip_protocol": "ip4"}
MODULES = {"http": {"prober": "http", "timeout": "5s", "http": V4}, "tcp": {"prober": "tcp", "timeout": "5s", "tcp": V4},
           "lasting": {"prober": "http", "timeout": "5s", "http": V4 | {"bearer_token": "hunter2"}}}


@pytest.fixture(scope="module")
def world(sonde_bin, tmp_path_factory):
    """(gateway, counting server): a check that is up, one that is down, and one that stays unknown."""
    with counting() as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        shared = {"interval": "200ms", "rise": 1, "fall": 1}
        checks = [{"name": "shop", "module": "http", "targets": [f"http://127.0.0.1:{server.port}/Shop"], "labels": {"team": "web", "tier": "one"},
                   "priority": "high", **shared},
                  {"name": "cellar", "module": "tcp", "targets": [f"127.0.0.1:{closed.getsockname()[1]}"], "labels": {"team": "core"}, **shared},
                  {"name": "spare", "module": "http", "targets": [f"http://127.0.0.1:{server.port}/spare"], "labels": {"team": "web"},
                   **shared, "interval": "1s", "rise": 1000, "priority": "low"}]
        limits = {"rate": 1000, "burst": 1000, "window": "10s"}
        with running(sonde_bin, tmp_path_factory.mktemp("api"), {"checks": checks, "limits": limits}) as gateway:
            until("checks are up and down", lambda: gateway.names(state="up") == ["shop"] and gateway.names(state="down") == ["cellar"])
            yield gateway, server


@pytest.fixture
def gateway(world):
    return world[0]


@pytest.fixture
def check(gateway):
    """check("shop") → what the list says of it."""
    return lambda name: next(one for one in gateway.checks()["checks"] if one["name"] == name)


# --- the document itself -------------------------------------------------------------------------------------------------


def schemas_in(node):
    if isinstance(node, dict):
        if isinstance(node.get("schema"), dict):
            yield node["schema"]
        for inner in node.values():
            yield from schemas_in(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from schemas_in(inner)


def references_in(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        yield from references_in(inner)


def test_the_document_is_whole():
    assert SPEC["openapi"].startswith("3.1.")
    for reference in set(references_in(SPEC)):
        assert resolved({"$ref": reference})
    for schema in [*schemas_in(SPEC), *SPEC["components"]["schemas"].values()]:
        jsonschema.Draft202012Validator.check_schema(schema)
    for template, item in SPEC["paths"].items():
        told = {parameter["name"] for parameter in map(resolved, item.get("parameters", ())) if parameter["in"] == "path"}
        assert told == set(re.findall(r"\{(\w+)\}", template))


def test_what_the_document_does_not_say_is_found(gateway):
    answer = gateway.ask("/api/v1/status")
    good = answer.text
    for old, new in (('"self":', '"itself":'), ('"ok"', '"fine"'), ('"version":"', '"more":1,"version":"'), ('"up":1', '"up":-1')):
        assert old in good
        answer.text = good.replace(old, new)
        with pytest.raises(AssertionError):
            hold_to_the_document("GET", "/api/v1/status", answer)
    answer.text, answer.status = good, 418
    with pytest.raises(AssertionError):
        hold_to_the_document("GET", "/api/v1/status", answer)


# --- checks --------------------------------------------------------------------------------------------------------------


def test_a_check_that_is_up(world, check):
    _, server = world
    shop = check("shop")
    assert (shop["state"], shop["module"], shop["priority"], shop["interval_s"]) == ("up", "http", "high", 0.2)
    assert shop["labels"] == {"team": "web", "tier": "one"}
    last = shop["last"]
    assert last["success"] is True and last["outcome"] == "success" and last["phase"] == "done" and "error" not in last
    assert last["duration_us"] >= last["timing_us"]["connect"] and shop["next"] is not None
    assert server.came["/Shop"] > 0


def test_a_check_that_is_down(check):
    cellar = check("cellar")
    last = cellar["last"]
    assert cellar["state"] == "down" and last["success"] is False and last["outcome"] == "refused" and last["phase"] == "connect"


def test_one_check_has_its_transitions(gateway, check):
    listed = check("cellar")
    answer = gateway.ask(f"/api/v1/checks/{listed['id']}")
    assert answer.status == 200
    told = answer.content
    for key in ("id", "name", "module", "target", "labels", "state", "since", "interval_s", "priority"):
        assert told[key] == listed[key]
    first = told["transitions"][0]
    assert (first["from"], first["to"]) == ("unknown", "down") and "refused" in first["cause"]
    assert first["ts"] == told["since"]


def test_one_check_has_its_last_results(gateway, check):
    shop = until("ten runs are told", lambda: len((told := gateway.ask(f"/api/v1/checks/{check('shop')['id']}").content)["recent"]) == 10 and told)
    recent = shop["recent"]
    times = [one["ts"] for one in recent]
    assert times == sorted(set(times)) and times[-1] == shop["last"]["ts"]
    assert all(one["success"] and one["outcome"] == "success" and one["duration_us"] > 0 for one in recent)
    assert recent[-1]["http_status"] == shop["last"]["http_status"] == 200 and recent[-1]["duration_us"] == shop["last"]["duration_us"]
    assert "tls" not in shop
    cellar = gateway.ask(f"/api/v1/checks/{check('cellar')['id']}").content
    assert {(one["success"], one["outcome"], one["phase"]) for one in cellar["recent"]} == {(False, "refused", "connect")}
    assert cellar["recent"][-1]["error"] == cellar["last"]["error"] and "http_status" not in cellar["last"]


def test_a_check_over_tls_has_its_certificates(sonde_bin, tmp_path):
    """Also when its target is gone."""
    made = certificates.leaf("shop.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.bundle_file)
    module = {"prober": "http", "timeout": "5s", "http": V4 | {"tls_config": {"insecure_skip_verify": True}}}
    with counting() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        entry = {"name": "shop", "module": "https", "targets": [f"https://127.0.0.1:{server.port}/"], "interval": "200ms", "rise": 1, "fall": 1}
        with running(sonde_bin, tmp_path, {"modules": {"https": module}, "checks": [entry]}) as gateway:
            until("it is up", lambda: gateway.names(state="up"))
            path = f"/api/v1/checks/{gateway.checks()['checks'][0]['id']}"
            tls = gateway.ask(path).content["tls"]
            assert (tls["version"], tls["cipher"][:8], tls["not_after"]) == ("TLS1.3", "TLS_AES_", "2099-12-31T23:59:59Z")
            assert 20_000 < tls["days_left"] < 30_000
            assert [(one["subject"], one["issuer"], one["not_before"]) for one in tls["chain"]] == [
                ("CN=shop.test", "CN=Sonde Test Intermediate", "2020-01-01T00:00:00Z"),
                ("CN=Sonde Test Intermediate", "CN=Sonde Test Root", "2020-01-01T00:00:00Z")]
            assert tls["chain"][0]["sha256"] == hashlib.sha256(made.der).hexdigest()
            server.socket.close()
            until("it is down", lambda: gateway.names(state="down"))
            assert gateway.ask(path).content["tls"] == tls


@pytest.mark.parametrize("query, names", [
    ({}, ["cellar", "shop", "spare"]), ({"state": "up"}, ["shop"]), ({"state": "down"}, ["cellar"]), ({"state": "unknown"}, ["spare"]), ({"state": "flapping"}, []),
    ({"label": "team=web"}, ["shop", "spare"]), ({"label": "team:web"}, ["shop", "spare"]), ({"label": ["team=web", "tier=one"]}, ["shop"]),
    ({"label": "team=WEB"}, []), ({"label": "nosuch=1"}, []), ({"label": "check=cellar"}, ["cellar"]), ({"label": "module=tcp"}, ["cellar"]),
    ({"q": "SHOP"}, ["shop"]), ({"q": "core"}, ["cellar"]), ({"q": "127.0.0.1"}, ["cellar", "shop", "spare"]), ({"q": "tcp"}, ["cellar"]), ({"q": ""}, ["cellar", "shop", "spare"]),
    ({"q": "web", "state": "up"}, ["shop"]), ({"limit": 0}, []), ({"offset": 3}, []), ({"offset": 1000000000}, []),
])
def test_filters(gateway, query, names):
    found = gateway.checks(**query)
    assert sorted(one["name"] for one in found["checks"]) == names
    assert found["total"] == (3 if "limit" in query or "offset" in query else len(names))


@pytest.mark.parametrize("size", [1, 2, 3, 100000])
def test_pages_hold_each_check_once(gateway, size):
    pages = [gateway.names(offset=offset, limit=size) for offset in range(0, 3, size)]
    assert all(len(page) <= size for page in pages)
    assert sorted(name for page in pages for name in page) == ["cellar", "shop", "spare"]


@pytest.mark.parametrize("name, value", [
    ("state", "sick"), ("state", ""), ("state", "UP"), ("label", "team"), ("label", "=web"), ("label", ""), ("offset", "-1"), ("offset", "x"), ("offset", ""),
    ("offset", "1000000001"), ("limit", "100001"), ("limit", "1.5"), ("limit", "99999999999999999999"), ("nosuch", "1"),
])
def test_parameters_of_checks_that_are_wrong(gateway, name, value):
    answer = gateway.ask("/api/v1/checks", **{name: value})
    assert answer.status == 400 and answer.content["error"].startswith(name + ":")


@pytest.mark.parametrize("rest", ["0000000000000000", "ffffffffffffffff", "x", "00", "-1", "%00", "00000000000000000", "ID/nosuch", "ID/history/", "0000000000000000/history", "x/history"])
def test_checks_that_there_are_not(gateway, check, rest):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/api/v1/checks/" + rest.replace("ID", check("shop")["id"]))
        answer = Answer(connection.getresponse())
    assert answer.status == 404
    validator_of({"$ref": "#/components/schemas/Error"}).validate(answer.content)


# --- history -------------------------------------------------------------------------------------------------------------


def history(gateway, one, **query):
    answer = gateway.ask(f"/api/v1/checks/{one['id']}/history", **query)
    assert answer.status == 200, answer.text
    return answer.content


def test_history_without_a_step_is_its_runs(gateway, check):
    found = until("three runs are told", lambda: len((told := history(gateway, check("shop")))["points"]) >= 3 and told)
    assert found["step_s"] == 0
    times = [point["ts"] for point in found["points"]]
    assert times == sorted(times) and len(set(times)) == len(times)
    for point in found["points"]:
        assert (point["count"], point["success"]) == (1, 1) and "outcome" not in point
        assert len(set(point["duration_us"].values())) == 1


def test_history_of_failures_tells_why(gateway, check):
    points = until("a run is told", lambda: history(gateway, check("cellar"))["points"])
    assert all((point["success"], point["outcome"], point["phase"]) == (0, "refused", "connect") for point in points)


@pytest.mark.parametrize("step, seconds", [("3600", 3600), ("1h", 3600), ("1d", 86400), ("60", 60), ("1m", 60)])
def test_history_with_a_step_is_rolled_up(gateway, check, step, seconds):
    shop = check("shop")
    runs = until("three runs are told", lambda: len((told := history(gateway, shop))["points"]) >= 3 and told)["points"]
    found = history(gateway, shop, step=step)
    assert found["step_s"] == seconds and found["points"]
    assert sum(point["count"] for point in found["points"]) >= len(runs)
    for point in found["points"]:
        spread = point["duration_us"]
        assert spread["min"] <= spread["p50"] <= spread["p99"] <= spread["max"] and 0 <= point["success"] <= point["count"]


def test_history_within_bounds(gateway, check):
    shop = check("shop")
    runs = until("three runs are told", lambda: len((told := history(gateway, shop)["points"])) >= 3 and told)
    first, second = runs[0]["ts"], runs[1]["ts"]
    assert history(gateway, shop, to="0")["points"] == [] and history(gateway, shop, **{"from": "4000000000"})["points"] == []
    assert history(gateway, shop, to="2000-01-01T00:00:00Z")["points"] == []
    assert [point["ts"] for point in history(gateway, shop, **{"from": first, "to": second})["points"]] in ([first], [first, second])


@pytest.mark.parametrize("name, value", [("from", "yesterday"), ("to", ""), ("to", "2026-13-01T00:00:00Z"), ("step", "x"), ("step", "-1"), ("step", "1y"), ("nosuch", "1")])
def test_parameters_of_history_that_are_wrong(gateway, check, name, value):
    answer = gateway.ask(f"/api/v1/checks/{check('shop')['id']}/history", **{name: value})
    assert answer.status == 400 and answer.content["error"].startswith(name + ":")


# --- the rest ------------------------------------------------------------------------------------------------------------


def test_status(gateway):
    status = gateway.ask("/api/v1/status").content
    assert status["checks"] == {"up": 1, "down": 1, "unknown": 1, "flapping": 0}
    assert status["limiter"]["rate"] == 1000 and status["self"] == "ok" and status["config"]["error"] is None


def test_metrics(gateway, check):
    text = gateway.ask("/metrics").text
    up = dict(re.findall(r'^sonde_check_up\{.*?check="(\w+)".*?\} (\d)$', text, re.M))
    assert up == {"shop": "1", "cellar": "0"}


def test_health_and_configuration(gateway):
    assert gateway.ask("/-/healthy").status == gateway.ask("/-/ready").status == 200
    shown = gateway.ask("/config").text
    assert "hunter2" not in shown and yaml.safe_load(shown)["modules"]["lasting"]["http"]["bearer_token"] == "<secret>"


def test_the_page_has_a_validator_and_comes_packed_to_who_takes_that(gateway):
    page = gateway.ask("/")
    assert page.status == 200 and page.text == (ROOT / "web" / "dist" / "index.html").read_text()
    assert gateway.ask("/", fields={"If-None-Match": page.fields["ETag"]}).status == 304
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/index.html", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.headers["Content-Encoding"] == "gzip" and gzip.decompress(answer.read()).decode() == page.text


READ = ["/", "/metrics", "/-/healthy", "/-/ready", "/config", "/api/v1/checks", "/api/v1/checks/0000000000000000", "/api/v1/checks/0000000000000000/history", "/api/v1/status"]


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_what_is_read_is_not_written(gateway, method, path):
    answer = gateway.ask(path, method)
    assert answer.status == 405 and answer.fields["Allow"] == "GET"


@pytest.mark.parametrize("path", [path for path in READ if "000" not in path])
def test_head_is_get_without_a_body(gateway, path):
    answer = gateway.ask(path, "HEAD")
    assert answer.status == 200 and answer.text == "" and int(answer.fields["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_reload_takes_post_alone(gateway, method):
    answer = gateway.ask("/-/reload", method)
    assert answer.status == 405 and answer.fields["Allow"] == "POST"


def test_reload_of_a_bad_file_keeps_the_old_one(sonde_bin, tmp_path):
    with running(sonde_bin, tmp_path, {}) as gateway:
        before = gateway.ask("/api/v1/status").content["config"]["hash"]
        good = gateway.file.read_text()
        gateway.file.write_text("lisen: x\n" + good)
        answer = gateway.ask("/-/reload", "POST")
        assert answer.status == 500 and "lisen" in answer.text
        told = gateway.ask("/api/v1/status").content["config"]
        assert told["hash"] == before and "lisen" in told["error"]
        gateway.file.write_text(good.replace("lasting", "fleeting"))
        assert gateway.ask("/-/reload", "POST").status == 200
        told = gateway.ask("/api/v1/status").content["config"]
        assert told["hash"] != before and told["error"] is None and "fleeting" in gateway.ask("/config").text


def test_probes(world):
    gateway, server = world
    target = f"http://127.0.0.1:{server.port}/probed"
    assert "\nprobe_success 1\n" in "\n" + gateway.probe(target).text
    assert server.came["/probed"] == 1
    assert "\nprobe_success 0\n" in "\n" + gateway.probe(target, "tcp").text
    assert gateway.probe(target, debug="true").text.startswith("Logs for the probe:\n")
    assert gateway.probe(target, "nosuch").status == gateway.ask("/probe", module="http").status == 400
    assert gateway.ask("/probe", fields={"X-Prometheus-Scrape-Timeout-Seconds": "soon"}, target=target, module="http").status == 500


# --- who may ask, and what for ---------------------------------------------------------------------------------------------


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_auth(sonde_bin, tmp_path):
    (tmp_path / "tokens").write_text("token-of-a-file\n")
    auth = {"basic": {"ada": BCRYPT}, "bearer_file": "tokens"}
    with running(sonde_bin, tmp_path, {"auth": auth}) as gateway:
        for path in SPEC["paths"]:
            path = path.replace("{id}", "0000000000000000")
            method = "POST" if path == "/-/reload" else "GET"
            is_open = operation_of(method, path).get("security") == []
            assert is_open == (path in ("/-/healthy", "/-/ready"))
            for fields in ({}, basic("ada", "wrong"), basic("eve", PASSWORD), {"Authorization": "Bearer wrong"}, {"Authorization": "Digest x"}, {"Authorization": ""}):
                answer = gateway.ask(path, method, fields)
                assert answer.status == (200 if is_open else 401)
            for fields in (basic("ada", PASSWORD), {"Authorization": "Bearer token-of-a-file"}):
                assert gateway.ask(path, method, fields).status == (404 if "0000" in path else 400 if path == "/probe" else 200)


@pytest.fixture
def guarded(sonde_bin, tmp_path, dns):
    """(gateway, the one server that may be asked, others that may not): by address, by name and by way of the first."""
    with counting() as allowed, counting("127.0.0.2") as denied, counting("127.0.0.3") as unlisted:
        dns.names.update({"good.test": ["127.0.0.1"], "denied.test": ["127.0.0.2"], "unlisted.test": ["127.0.0.3"]})
        rules = {"allow_targets": ["127.0.0.1/32", "127.0.0.2/32"], "deny_targets": ["127.0.0.2"]}
        with running(sonde_bin, tmp_path, rules, "--resolvers", dns.resolver) as gateway:
            yield gateway, allowed, {"denied": denied, "unlisted": unlisted}


@pytest.mark.parametrize("which, host", [("denied", "127.0.0.2"), ("denied", "denied.test"), ("unlisted", "127.0.0.3"), ("unlisted", "unlisted.test")])
@pytest.mark.parametrize("way", ["http", "tcp", "redirect"])
def test_targets_that_may_not_be_asked(guarded, which, host, way):
    gateway, allowed, others = guarded
    to = f"{host}:{others[which].port}"
    target = {"http": f"http://{to}/", "tcp": to, "redirect": f"http://good.test:{allowed.port}/to/{urllib.parse.quote(f'http://{to}/', safe='')}"}[way]
    answer = gateway.probe(target, "tcp" if way == "tcp" else "http")
    assert answer.status == 403, answer.text
    assert not others[which].came and sum(allowed.came.values()) == (way == "redirect")
    page = gateway.probe(target, "tcp" if way == "tcp" else "http", debug="true")
    assert page.status == 200 and "\nprobe_success 0\n" in page.text and 'outcome="blocked"' in page.text
    assert not others[which].came


@pytest.mark.parametrize("host", ["127.0.0.1", "good.test"])
def test_targets_that_may_be_asked(guarded, host):
    gateway, allowed, _ = guarded
    target = f"http://{host}:{allowed.port}"
    assert "\nprobe_success 1\n" in "\n" + gateway.probe(f"{target}/x").text
    assert "\nprobe_success 1\n" in "\n" + gateway.probe(f"{target}/to/" + urllib.parse.quote(f"{target}/y", safe="")).text
    assert allowed.came["/x"] == allowed.came["/y"] == 1
