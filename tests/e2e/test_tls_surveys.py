"""What takes many connections: --enumerate against what servers were configured with, --jarm and JA3S against other code, --resumption."""

import certificates
import pytest
from conftest import records_in
from test_tls_servers import ENGINES, run_sonde, scan_all
from tls_fingerprints import Listening, ja3s, jarm
from tls_servers import Park, iana_names

# Suites by OpenSSL's names, in the order in which the server prefers them.
MIXED = "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA:DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA"
OLD = "ECDHE-RSA-AES256-SHA:AES128-SHA:DHE-RSA-AES256-SHA"
NEW = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
CURVES = ["secp256r1", "x448", "secp521r1", "x25519", "secp384r1"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    rsa = certificates.issue("site.test", issuer=certificates.intermediate(), kind="rsa-2048", names=("DNS:site.test",))
    leaf = certificates.leaf()
    tls = f"listen PORT ssl; ssl_certificate {rsa.chain_file}; ssl_certificate_key {rsa.key};"
    with Park(tmp_path_factory.mktemp("surveyed")) as park:
        ports = {
            "prefers": park.s_server(rsa, "-serverpref", "-cipher", MIXED, "-ciphersuites", NEW, "-groups", "P-384:X25519:P-256"),
            "follows": park.s_server(rsa, "-cipher", MIXED, "-ciphersuites", NEW, "-groups", "P-384:X25519:P-256"),
            "all-old": park.s_server(rsa, "-serverpref", "-cipher", f"{OLD}:@SECLEVEL=0", "-min_protocol", "TLSv1", "-max_protocol", "TLSv1.2",
                                     "-groups", "P-521:X25519:P-384"),
            "only-1.0": park.s_server(rsa, "-cipher", f"{OLD}:@SECLEVEL=0", "-tls1", "-groups", "X25519"),
            "only-1.3": park.s_server(leaf, "-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384", "-groups", "P-521:X448"),
            "ecdsa-1.2": park.s_server(leaf, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-groups", "P-256:X448:P-521:X25519:P-384"),
            "no-curves": park.s_server(rsa, "-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-SHA256"),
            "gnutls": park.gnutls(rsa, "NONE:+VERS-TLS1.2:+VERS-TLS1.3:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+ECDHE-RSA:+RSA:+SIGN-ALL:"
                                       "+GROUP-SECP256R1:+GROUP-X25519:+COMP-NULL:+CTYPE-ALL"),
            "nginx": park.nginx(f"{tls} ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; ssl_ciphers {MIXED.replace('DHE-RSA-AES128-GCM-SHA256:', '', 1)};"
                                " ssl_ecdh_curve secp384r1:X25519;"),
            "haproxy": park.haproxy(rsa, "alpn h2,http/1.1 ciphers ECDHE-RSA-AES128-GCM-SHA256 ciphersuites TLS_AES_128_GCM_SHA256 curves X25519"),
            "caddy": park.caddy(leaf),
        }
        park.ready()
        yield ports


@pytest.fixture(scope="module")
def surveyed(sonde_bin, servers):
    """By engine: the records of everything that can be asked."""
    options = ["--sni", "site.test", "--jarm", "--enumerate", "versions,ciphers,groups"]
    return {engine: scan_all(sonde_bin, servers, "--tls-engine", engine, *options) for engine in ENGINES}


def named(openssl_names):
    names = iana_names()
    return [names[suite] for suite in openssl_names.split(":")]


def new():
    return NEW.split(":")


# Server: versions, suites by version, groups. A list is the server's order; a set is asked of servers that have none.
CONFIGURED = {
    "prefers": (["TLS1.2", "TLS1.3"], lambda: {"TLS1.2": named(MIXED), "TLS1.3": new()}, ["secp384r1", "x25519", "secp256r1"]),
    "follows": (["TLS1.2", "TLS1.3"], lambda: {"TLS1.2": set(named(MIXED)), "TLS1.3": set(new())}, {"secp384r1", "x25519", "secp256r1"}),
    "all-old": (["TLS1.0", "TLS1.1", "TLS1.2"], lambda: dict.fromkeys(("TLS1.0", "TLS1.1", "TLS1.2"), named(OLD)), {"secp521r1", "x25519", "secp384r1"}),
    "only-1.0": (["TLS1.0"], lambda: {"TLS1.0": set(named(OLD))}, {"x25519"}),
    "only-1.3": (["TLS1.3"], lambda: {"TLS1.3": ["TLS_AES_256_GCM_SHA384"]}, {"secp521r1", "x448"}),
    "ecdsa-1.2": (["TLS1.2"], lambda: {"TLS1.2": named("ECDHE-ECDSA-AES128-GCM-SHA256")}, set(CURVES)),
    "no-curves": (["TLS1.2"], lambda: {"TLS1.2": set(named("AES128-GCM-SHA256:AES256-SHA256"))}, set()),
    "gnutls": (["TLS1.2", "TLS1.3"], lambda: {"TLS1.2": set(named("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:AES256-GCM-SHA384")),
                                              "TLS1.3": {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}}, {"secp256r1", "x25519"}),
    "nginx": (["TLS1.2", "TLS1.3"], lambda: {"TLS1.2": named(MIXED.replace("DHE-RSA-AES128-GCM-SHA256:", "", 1)),
                                             "TLS1.3": ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]},
              ["secp384r1", "x25519"]),
    "haproxy": (["TLS1.2", "TLS1.3"], lambda: {"TLS1.2": named("ECDHE-RSA-AES128-GCM-SHA256"), "TLS1.3": ["TLS_AES_128_GCM_SHA256"]}, ["x25519"]),
}


def as_asked(found, wanted):
    assert len(found) == len(set(found)), "twice the same"
    return set(found) if isinstance(wanted, set) else found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server", CONFIGURED)
def test_enumeration_finds_exactly_what_was_configured(surveyed, engine, server):
    versions, ciphers, groups = CONFIGURED[server]
    tls, wanted = surveyed[engine][server]["tls"], ciphers()
    assert tls["versions"] == versions
    assert tls["ciphers"].keys() == wanted.keys()
    assert {version: as_asked(suites, wanted[version]) for version, suites in tls["ciphers"].items()} == wanted
    assert as_asked(tls["groups"], groups) == groups


# --- fingerprints ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", [*CONFIGURED, "caddy"])
def test_jarm_is_that_of_other_code_and_of_both_engines(surveyed, servers, server):
    print_of_ours = jarm(servers[server], "site.test")
    assert len(print_of_ours) == 62
    assert [surveyed[engine][server]["tls"]["jarm"] for engine in ENGINES] == [print_of_ours] * 2


def test_jarm_tells_servers_apart_and_stays_the_same(scan, servers, surveyed):
    assert len({record["tls"]["jarm"] for record in surveyed["lean"].values()}) >= 6
    (again,), _ = scan(f"127.0.0.1:{servers['caddy']}", "--probe", "tls", "--sni", "site.test", "--jarm")
    assert again["tls"]["jarm"] == surveyed["lean"]["caddy"]["tls"]["jarm"]


def test_jarm_of_a_server_that_refuses_all_ten_hellos_is_all_zero(scan, tmp_path):
    with Park(tmp_path) as park:
        port = park.s_server(certificates.leaf(), "-tls1_2", "-cipher", "ECDHE-ECDSA-ARIA256-GCM-SHA384")
        park.ready()
        (record,), _ = scan(f"127.0.0.1:{port}", "--probe", "tls", "--sni", "site.test", "--jarm", "--all")
        assert record["tls"]["jarm"] == "0" * 62 == jarm(port, "site.test")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("server", ["prefers", "only-1.0", "no-curves", "gnutls", "haproxy", "caddy"])
def test_ja3s_is_that_of_the_server_hello_on_the_wire(scan, servers, engine, server):
    with Listening(servers[server]) as relay:
        (record,), _ = scan(f"127.0.0.1:{relay.port}", "--probe", "tls", "--sni", "site.test", "--tls-engine", engine)
    assert record["tls"]["ja3s"] == ja3s(relay.heard)


# --- resumption -------------------------------------------------------------------------------------------------------------------


RESUMPTION = {  # psk, early_data
    "s_server": ("accepted", "not_offered"), "no-tickets": ("not_offered", "not_offered"), "1.2": ("accepted", "not_offered"),
    "1.2-session-ids": ("accepted", "not_offered"), "1.2-neither": ("not_offered", "not_offered"), "nginx": ("accepted", "not_offered"),
    "nginx-early": ("accepted", "accepted"), "nginx-forgets": ("rejected", "not_offered"), "haproxy-early": ("accepted", "accepted"),
    "gnutls": ("accepted", "not_offered"), "gnutls-no-tickets": ("not_offered", "not_offered"), "caddy": ("accepted", "not_offered"),
}


@pytest.fixture(scope="module")
def resumed(sonde_bin, tmp_path_factory):
    leaf = certificates.leaf()
    tls = f"listen PORT ssl; ssl_certificate {leaf.chain_file}; ssl_certificate_key {leaf.key}; ssl_protocols TLSv1.2 TLSv1.3;"
    with Park(tmp_path_factory.mktemp("resumed")) as park:
        ports = {
            "s_server": park.s_server(leaf, "-alpn", "http/1.1"), "no-tickets": park.s_server(leaf, "-num_tickets", 0),
            "1.2": park.s_server(leaf, "-tls1_2"), "1.2-session-ids": park.s_server(leaf, "-tls1_2", "-no_ticket"),
            "1.2-neither": park.s_server(leaf, "-tls1_2", "-no_ticket", "-no_cache"),
            "nginx": park.nginx(tls), "nginx-early": park.nginx(f"{tls} ssl_early_data on;"),
            "nginx-forgets": park.nginx(f"{tls} ssl_session_tickets off;"),
            "haproxy-early": park.haproxy(leaf, "alpn h2,http/1.1 allow-0rtt"),
            "gnutls": park.gnutls(leaf, "NORMAL"), "gnutls-no-tickets": park.gnutls(leaf, "NORMAL", "--noticket"), "caddy": park.caddy(leaf),
        }
        park.ready()
        yield scan_all(sonde_bin, ports, "--sni", "site.test", "--resumption")


@pytest.mark.parametrize("server", RESUMPTION)
def test_resumption_is_accepted_where_the_server_remembers(resumed, server):
    record = resumed[server]
    assert record["outcome"] == "success"
    found, (psk, early_data) = record["tls"]["resumption"], RESUMPTION[server]
    assert (found["psk"], found["early_data"]) == (psk, early_data)
    assert (found["tickets"] > 0) == (psk != "not_offered")
    ways = {"full"} | ({"psk"} if psk == "accepted" else set()) | ({"early_data"} if early_data == "accepted" else set())
    assert found["timing_us"].keys() == ways
    for way in ways:
        assert found["timing_us"][way].keys() == {"tls", "first_byte", "total"}
    assert found.get("alpn_kept", True)


def test_early_data_of_s_server_is_accepted_and_its_silence_bounded(scan, tmp_path):
    with Park(tmp_path) as park:
        port = park.s_server(certificates.leaf(), "-early_data", page=False)
        park.ready()
        (record,), _ = scan(f"127.0.0.1:{port}", "--probe", "tls", "--resumption", "--read-timeout", "200ms")
    found = record["tls"]["resumption"]
    assert (record["outcome"], found["psk"], found["early_data"]) == ("success", "accepted", "accepted")
    assert all(timing.keys() == {"tls"} for timing in found["timing_us"].values()), "it answers nothing"


# --- sonde tls --------------------------------------------------------------------------------------------------------------------


def test_the_page_and_the_record_of_sonde_tls_agree(sonde_bin, servers):
    common = ["tls", f"127.0.0.1:{servers['nginx']}", "--sni", "site.test", "--ca", certificates.root().file]
    page, record = run_sonde(sonde_bin, *common), run_sonde(sonde_bin, *common, "--format", "json")
    assert (page.returncode, record.returncode) == (0, 0)
    (tls,) = (record["tls"] for record in records_in(record.stdout))
    assert tls["verified"] and tls["engine"] == "full" and tls["versions"] == ["TLS1.2", "TLS1.3"]
    for text in (tls["version"], tls["cipher"], tls["certificate"]["sha256"], tls["certificate"]["serial"], *tls["groups"], *tls["ciphers"]["TLS1.2"]):
        assert text in page.stdout


def test_sonde_tls_exits_1_where_no_handshake_was_completed(sonde_bin, servers, closed_port, nginx):
    for port, options in [(servers["only-1.0"], ["--min-tls", "1.2"]), (closed_port, []), (nginx, [])]:
        done = run_sonde(sonde_bin, "tls", f"127.0.0.1:{port}", *options)
        assert done.returncode == 1 and done.stdout
