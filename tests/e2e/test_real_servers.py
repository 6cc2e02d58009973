"""Scans of the servers that people run, all at once: each is named rightly, and nobody is waited for who has nothing to say."""
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import certificates
import pytest
from real_servers import OTHER_PAGE, PACKAGES, PAGE, TITLE, RealPark, skip_if_missing, version_of

WEB = ["nginx", "apache2", "caddy", "haproxy", "h2o"]
# These answer to no hello but this, which only their own port gets by itself.
HELLOS = {"postgresql": "postgres", "mosquitto": "mqtt", "mosquitto-password": "mqtt", "openldap": "ldap", "unbound": "dns"}


def server_of(name):
    return name if name in PACKAGES else name.rpartition("-")[0]


def run_scan(sonde_bin, targets, *options):
    """{name: port} → {name: [record, …]} and the summary."""
    with tempfile.NamedTemporaryFile() as summary:
        done = subprocess.run([sonde_bin, "scan", "--all", "--progress", "none", "--format", "ndjson", "--summary", summary.name, *map(str, options),
                               *(f"127.0.0.1:{port}" for port in targets.values())],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        told = json.loads(pathlib.Path(summary.name).read_text())
    names, found = {port: name for name, port in targets.items()}, {}
    for record in map(json.loads, done.stdout.splitlines()):
        found.setdefault(names[record["port"]], []).append(record)
    return found, told


@pytest.fixture(scope="module")
def ports():
    with RealPark() as park:
        yield park.start_all()


@pytest.fixture(scope="module")
def banners(sonde_bin, ports):
    """By name: the record of a banner probe, with the hello that the server would get on its own port."""
    by_hello = {}
    for name, port in ports.items():
        by_hello.setdefault(HELLOS.get(name, "auto"), {})[name] = port
    with ThreadPoolExecutor(len(by_hello)) as pool:
        scans = pool.map(lambda hello: run_scan(sonde_bin, by_hello[hello], "--probe", "banner", "--hello", hello)[0], by_hello)
        return {name: record for found in scans for name, (record,) in found.items()}


# --- what speaks there ------------------------------------------------------------------------------------------------------------

# Name → protocol, product, version; {v} is the version of the package. What the server does not tell is None.
BANNERS = {
    "nginx": ("http", "nginx/{v}", None),
    "apache2": ("http", r"Apache/{v} \(Debian\)( OpenSSL/\S+)?", None),
    "caddy": ("http", "Caddy", None),
    "haproxy": ("http", None, None),
    "h2o": ("http", "h2o/{v}", None),
    "openssh": ("ssh", "OpenSSH_{v}", None),
    "exim": ("smtp", "Exim {v}", None),
    "dovecot-imap": ("imap", "Dovecot", None),
    "dovecot-pop3": ("pop3", "Dovecot", None),
    "vsftpd": ("ftp", "vsFTPd {v}", None),
    "mariadb": ("mysql", "MariaDB", "{v}-MariaDB.*"),
    "postgresql": ("postgres", None, None),
    "redis": ("redis", "redis", "{v}"),
    "redis-password": ("redis", None, None),
    "memcached": ("memcached", None, "{v}"),
    "mosquitto": ("mqtt", None, None),
    "mosquitto-password": ("mqtt", None, None),
    "openldap": ("ldap", None, None),
    "unbound": ("dns", None, "unbound {v}"),
}


@pytest.mark.parametrize("name", BANNERS)
def test_a_banner_names_protocol_product_and_version(banners, name):
    skip_if_missing(server_of(name))
    protocol, *told = BANNERS[name]
    record = banners[name]
    banner = record["banner"]
    assert (record["outcome"], record["phase"], banner["protocol"]) == ("success", "done", protocol), record
    for field, wanted in zip(("product", "version"), told, strict=True):
        if wanted is None:
            assert field not in banner
        else:
            assert re.fullmatch(wanted.replace("{v}", re.escape(version_of(server_of(name)))), banner[field])


def test_who_speaks_first_is_not_spoken_to(banners):
    first = {name for name in banners if "hello" not in banners[name]["banner"]}
    assert first == {"openssh", "exim", "dovecot-imap", "dovecot-pop3", "vsftpd", "mariadb"} & banners.keys()
    answered = HELLOS | {"redis": "redis", "redis-password": "redis", "memcached": "memcached"}  # whatever they answered first
    for name in banners.keys() & answered.keys():
        assert banners[name]["banner"]["hello"] == answered[name]


@pytest.mark.parametrize("name", [*(f"{server}-tls" for server in WEB), "dovecot-imaps", "dovecot-pop3s", "mosquitto-tls"])
def test_tls_is_named_with_its_version(banners, name):
    skip_if_missing("dovecot" if name.startswith("dovecot") else server_of(name))
    banner = banners[name]["banner"]
    assert (banner["protocol"], banner["hello"]) == ("tls", "tls")
    assert banner["tls"] == ("TLS1.2" if name == "nginx-tls" else "TLS1.3"), "nginx has no TLS 1.3 by default before 1.23"


STARTTLS = {"exim": "smtp", "dovecot-imap": "imap", "dovecot-pop3": "pop3", "vsftpd": "ftp", "openldap": "ldap", "postgresql": "postgres", "mariadb": "mysql"}


@pytest.mark.parametrize("engine", ["lean", "full"])
@pytest.mark.parametrize("name", STARTTLS)
def test_tls_begins_where_the_protocol_says_so(sonde_bin, ports, name, engine):
    skip_if_missing(server_of(name))
    options = ["--probe", "tls", "--starttls", STARTTLS[name], "--tls-engine", engine, "--verify", "--ca", certificates.root().file]
    (record,) = run_scan(sonde_bin, {name: ports[name]}, *options)[0][name]
    assert (record["outcome"], record["phase"]) == ("success", "done"), record
    tls = record["tls"]
    assert tls["version"] in ("TLS1.2", "TLS1.3") and tls["verified"] and tls["certificate"]["host_matches"]


def test_who_asks_exim_for_http_is_refused(sonde_bin, ports):
    """Why --starttls offers no application protocol unless told to."""
    skip_if_missing("exim")
    (record,) = run_scan(sonde_bin, {"exim": ports["exim"]}, "--probe", "tls", "--starttls", "smtp", "--alpn", "http/1.1")[0]["exim"]
    assert (record["outcome"], record["phase"]) == ("tls_error", "tls") and "no_application_protocol" in record["error"]


def test_how_mosquitto_answers_is_told(banners):
    skip_if_missing("mosquitto")
    assert banners["mosquitto"]["banner"]["answer"] == "accepted"
    assert banners["mosquitto-password"]["banner"]["answer"] == "not_authorized"


def test_the_algorithms_of_ssh_are_those_that_sshd_says_it_has(banners):
    skip_if_missing("openssh")
    told = banners["openssh"]["banner"]["ssh"]
    for field, queried in (("kex", "kex"), ("ciphers", "cipher"), ("macs", "mac")):
        known = subprocess.run(["ssh", "-Q", queried], capture_output=True, text=True, check=True).stdout.split()
        listed = [name for name in told[field] if not name.startswith(("kex-strict-", "ext-info-"))]
        assert listed and set(listed) <= set(known), field
    assert told["host_key"] == ["ssh-ed25519"]


def test_a_table_of_banners_has_words_only(sonde, ports):
    ends = {"mariadb": r"mysql  MariaDB  10\.\S+", "mosquitto-password": "mqtt  not_authorized", "caddy-tls": "tls  TLS1.3", "postgresql": "postgres  E.*Munsupported frontend protocol .*",
            "unbound": r"dns  unbound \S+", "exim": r"smtp  220 mail\.site\.test ESMTP .*", "nginx": "http  HTTP/1.1 400 Bad Request  nginx/.*"}
    targets = {f"127.0.0.1:{ports[name]}": end for name, end in ends.items() if name in ports}
    shown = sonde("scan", "--probe", "banner", "--hello", "mqtt,dns,postgres,tls", "--format", "table", "--progress", "none", *targets).out
    lines = {line.split()[0]: line for line in shown.splitlines()[1:]}
    assert lines.keys() == targets.keys()
    for target, end in targets.items():
        assert re.search(f" {end}$", lines[target]), lines[target]


# --- the web ----------------------------------------------------------------------------------------------------------------------

SERVER = {"nginx": "nginx/{v}", "apache2": "Apache/{v} .*", "caddy": "Caddy", "haproxy": "pages", "h2o": "h2o/{v}"}


def web_ports(ports, suffix=""):
    return {server: ports[server + suffix] for server in WEB if server in ports}


def sha256(page):
    return hashlib.sha256(page).hexdigest()


@pytest.fixture(scope="module")
def pages(sonde_bin, ports):
    """By version, then by server: the record of the site over TLS."""
    options = ["--probe", "http", "--scheme", "https", "--verify", "--ca", certificates.root().file]
    return {version: run_scan(sonde_bin, web_ports(ports, "-tls"), "--http", version, *options)[0] for version in ("1.1", "2", "auto")}


@pytest.mark.parametrize("version", ["1.1", "2", "auto"])
@pytest.mark.parametrize("server", WEB)
def test_a_page_over_tls(pages, server, version):
    skip_if_missing(server)
    (record,) = pages[version][server]
    assert (record["outcome"], record["phase"]) == ("success", "done"), record
    http, spoken = record["http"], "1.1" if version == "1.1" else "2"
    assert (http["version"], record["tls"]["alpn"]) == (spoken, "http/1.1" if spoken == "1.1" else "h2")
    assert (http["status"], http["title"], http["content_type"]) == (200, TITLE, "text/html")
    assert re.fullmatch(SERVER[server].replace("{v}", re.escape(version_of(server))), http["headers"]["server"])
    assert (http["content_encoding"], http["body_bytes"], http["body_sha256"]) == ("gzip", len(PAGE), sha256(PAGE))
    assert http["truncated"] is False and "body_error" not in http
    assert record["tls"]["verified"] and record["tls"]["certificate"]["host_matches"]


@pytest.fixture(scope="module")
def several(sonde_bin, ports):
    paths = [word for path in ("/", "/other.html", "/missing", "/other.html") for word in ("--path", path)]
    return {version: run_scan(sonde_bin, web_ports(ports, "-tls"), "--probe", "http", "--scheme", "https", "--http", version, *paths)[0]
            for version in ("1.1", "2")}


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize("server", WEB)
def test_several_paths_take_one_connection(several, ports, server, version):
    skip_if_missing(server)
    (record,) = several[version][server]
    http = record["http"]
    assert record["outcome"] == "success" and http["requests"] == 4
    assert "connections" not in http, "there was one"
    site = f"https://127.0.0.1:{ports[server + '-tls']}"
    assert [(answer["url"], answer["status"]) for answer in http["responses"]] == [
        (f"{site}/", 200), (f"{site}/other.html", 200), (f"{site}/missing", 404), (f"{site}/other.html", 200)]
    assert [answer["body_sha256"] for answer in http["responses"][:2]] == [sha256(PAGE), sha256(OTHER_PAGE)]
    assert http["responses"][1]["title"] == "Another page"
    assert all("tls" not in answer["timing_us"] for answer in http["responses"][1:])


@pytest.fixture(scope="module")
def followed(sonde_bin, ports):
    return run_scan(sonde_bin, web_ports(ports), "--probe", "http", "--scheme", "http", "--follow", 5)[0]


@pytest.mark.parametrize("server", WEB)
def test_a_redirect_leads_from_http_to_https(followed, ports, server):
    skip_if_missing(server)
    (record,) = followed[server]
    http, site = record["http"], f"https://127.0.0.1:{ports[server + '-tls']}/"
    assert record["outcome"] == "success" and http["url"] == f"http://127.0.0.1:{ports[server]}/"
    assert [(hop["status"], hop["location"], "tls" in hop["timing_us"]) for hop in http["redirects"]] == [(301, site, False)]
    assert (http["final_url"], http["status"], http["version"], http["body_sha256"]) == (site, 200, "2", sha256(PAGE))
    assert http["timing_us"]["tls"] > 0


@pytest.fixture(scope="module")
def in_the_clear(sonde_bin, ports):
    """By scheme, then by server: a request to the port of TLS that begins without it."""
    return {scheme: run_scan(sonde_bin, web_ports(ports, "-tls"), "--probe", "http", "--scheme", scheme)[0] for scheme in ("http", "auto")}


@pytest.mark.parametrize("server", WEB)
def test_a_request_in_the_clear_to_a_port_of_tls(in_the_clear, ports, server):
    skip_if_missing(server)
    (clear,), (auto,) = in_the_clear["http"][server], in_the_clear["auto"][server]
    if server in ("haproxy", "h2o"):
        assert clear["outcome"] in ("closed", "reset") and "status" not in clear["http"]
    else:
        assert (clear["outcome"], clear["http"]["status"], clear["http"]["speaks"]) == ("success", 400, "tls")
    assert (auto["outcome"], auto["http"]["status"], auto["http"]["title"]) == ("success", 200, TITLE)
    assert auto["http"]["url"] == f"https://127.0.0.1:{ports[server + '-tls']}/" and "speaks" not in auto["http"]


@pytest.mark.parametrize("server", WEB)
def test_a_person_reads_the_way_to_the_page(sonde, ports, server):
    skip_if_missing(server)
    page = sonde("http", f"http://127.0.0.1:{ports[server]}/", "--ca", certificates.root().file).out
    for words in ("✓ 200", "Way\n  301 ", TITLE, sha256(PAGE), "would accept it", f"https://127.0.0.1:{ports[server + '-tls']}/"):
        assert words in page, page


def test_a_person_reads_that_the_port_speaks_tls(sonde, ports):
    skip_if_missing("apache2")
    page = sonde("http", f"127.0.0.1:{ports['apache2-tls']}").out
    assert "! 400 Bad Request" in page and "The port speaks TLS" in page


# --- everything at once -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(sonde_bin, ports):
    return run_scan(sonde_bin, ports, "--probe", "tcp,tls,http,banner", "--read-timeout", "2s", "--tls-timeout", "2s")


# What a port speaks when it is asked for HTTP, within TLS where it has that. Others close without a word.
SPEAKS = {"openssh": "ssh", "exim": "smtp", "dovecot-imap": "imap", "dovecot-imaps": "imap", "dovecot-pop3": "pop3", "dovecot-pop3s": "pop3",
          "vsftpd": "ftp", "mariadb": "mysql"}
# They wait for the end of a line, or of a message as long as the hello's first bytes say.
WAITS_FOR_MORE = {("redis", "tls"), ("redis-password", "tls"), ("unbound", "tls"), ("unbound", "http"), ("unbound", "banner")}


def test_a_pass_of_four_probes_tells_of_every_port_what_is_there(everything, ports):
    found, summary = everything
    assert found.keys() == ports.keys() and summary["records_written"] == 4 * len(ports)
    for name, records in found.items():
        by_probe = {record["probe"]: record for record in records}
        assert by_probe.keys() == {"tcp", "tls", "http", "banner"}
        assert by_probe["tcp"]["outcome"] == "success"
        has_tls = name.endswith(("-tls", "imaps", "pop3s"))
        assert (by_probe["tls"]["outcome"] == "success") == has_tls, name
        http = by_probe["http"]
        if server_of(name) in WEB:
            assert http["http"]["status"] == (200 if has_tls else 301), name
        else:
            assert http["outcome"] in ("protocol_error", "closed", "reset", "timeout") and "status" not in http["http"], name
        assert http["http"].get("speaks") == SPEAKS.get(name), name
        if name in SPEAKS:
            assert http["outcome"] == "protocol_error" and f"speaks {SPEAKS[name]}" in http["error"]
        banner = by_probe["banner"].get("banner", {}).get("protocol")
        assert banner == ("tls" if has_tls else None if name in HELLOS else BANNERS[name][0]), name


def test_nothing_is_waited_for_but_who_waits_for_more(everything, ports):
    found, summary = everything
    late = {(name, record["probe"]) for name, records in found.items() for record in records if record["outcome"] == "timeout"}
    assert late == {(name, probe) for name, probe in WAITS_FOR_MORE if name in ports}
    assert summary["outcomes"]["timeout"] == len(late) and summary["outcomes"]["local_error"] == 0
    for name, records in found.items():
        assert all(record["cause"] == "acked_no_reply" for record in records if record["outcome"] == "timeout"), name
