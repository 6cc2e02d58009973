"""Certificates made to order, bit by bit: what no tool agrees to make (a NUL in a name, a negative serial) is made as well.

The DER is written here; keys and signatures are made by the openssl program. Every certificate lies in a folder of the
session as PEM, with its chain and key. Not a module of tests.
"""
import base64
import functools
import ipaddress
import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

FOLDER = tempfile.TemporaryDirectory(prefix="sonde-certificates-")
SEQUENCE, SET, INTEGER, UTF8, PRINTABLE, TELETEX, BMP, OCTETS, BITS, NULL = 0x30, 0x31, 2, 12, 19, 20, 30, 4, 3, b"\5\0"


def der(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(dotted):
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | (arc & 0x7F))
        content += bytes(reversed(groups))
    return der(6, content)


def integer(value):
    return der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


ATTRIBUTES = {"CN": "2.5.4.3", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6", "L": "2.5.4.7"}


def name(*attributes):
    """name(("CN", "a"), ("O", b"raw bytes", TELETEX)): each attribute in a set of its own, in this order."""
    sets = []
    for kind, text, *tag in attributes:
        content = text.encode() if isinstance(text, str) else text
        sets.append(der(SET, der(SEQUENCE, oid(ATTRIBUTES[kind]), der(tag[0] if tag else UTF8, content))))
    return der(SEQUENCE, *sets)


def alt_names(*names):
    """"DNS:a.test", "IP:127.0.0.1", or bytes: a dNSName as it is."""
    listed = []
    for entry in names:
        if isinstance(entry, bytes):
            listed.append(der(0x82, entry))
        elif entry.startswith("IP:"):
            listed.append(der(0x87, ipaddress.ip_address(entry[3:]).packed))
        else:
            listed.append(der(0x82, entry.removeprefix("DNS:").encode()))
    return der(SEQUENCE, *listed)


def extension(dotted, value, critical=False):
    return der(SEQUENCE, oid(dotted), b"\1\1\xff" if critical else b"", der(OCTETS, value))


def time(text):
    """UTCTime until 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5)."""
    return der(0x17, text[2:].encode()) if int(text[:4]) < 2050 else der(0x18, text.encode())


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True, timeout=60, **options).stdout


GENERATE = {
    "p256": ("EC", "ec_paramgen_curve:P-256"), "p384": ("EC", "ec_paramgen_curve:P-384"), "p521": ("EC", "ec_paramgen_curve:P-521"),
    "rsa-2048": ("RSA", "rsa_keygen_bits:2048"), "rsa-4096": ("RSA", "rsa_keygen_bits:4096"), "rsa-pss": ("RSA-PSS", "rsa_keygen_bits:2048"),
    "ed25519": ("ED25519",), "ed448": ("ED448",),
}
SHA256 = der(SEQUENCE, oid("2.16.840.1.101.3.4.2.1"), NULL)
PSS = der(SEQUENCE, der(0xA0, SHA256), der(0xA1, der(SEQUENCE, oid("1.2.840.113549.1.1.8"), SHA256)), der(0xA2, integer(32)))
SIGNED_BY = {  # the algorithm's identifier, and how openssl is asked for such a signature
    "p256": (der(SEQUENCE, oid("1.2.840.10045.4.3.2")), ("dgst", "-sha256")),
    "p384": (der(SEQUENCE, oid("1.2.840.10045.4.3.3")), ("dgst", "-sha384")),
    "p521": (der(SEQUENCE, oid("1.2.840.10045.4.3.4")), ("dgst", "-sha512")),
    "rsa-2048": (der(SEQUENCE, oid("1.2.840.113549.1.1.11"), NULL), ("dgst", "-sha256")),
    "rsa-4096": (der(SEQUENCE, oid("1.2.840.113549.1.1.11"), NULL), ("dgst", "-sha256")),
    "rsa-pss": (der(SEQUENCE, oid("1.2.840.113549.1.1.10"), PSS),
                ("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")),
    "ed25519": (der(SEQUENCE, oid("1.3.101.112")), None),
    "ed448": (der(SEQUENCE, oid("1.3.101.113")), None),
}


@functools.cache
def key(kind, owner="leaf"):
    """The file of a key: one of each kind for each owner, since keys are dear."""
    file = pathlib.Path(FOLDER.name) / f"{owner}-{kind}.key"
    algorithm, *options = GENERATE[kind]
    openssl("genpkey", "-algorithm", algorithm, *(word for option in options for word in ("-pkeyopt", option)), "-out", file)
    return file


@functools.cache
def public_key(file):
    return openssl("pkey", "-in", file, "-pubout", "-outform", "DER")


def sign(kind, key_file, data):
    _, how = SIGNED_BY[kind]
    if how is not None:
        return openssl(*how, "-sign", key_file, input=data)
    with tempfile.NamedTemporaryFile(dir=FOLDER.name) as message:  # a one-shot signature wants to know the size
        message.write(data)
        message.flush()
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", key_file, "-in", message.name)


def pem(body):
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(body).decode()}-----END CERTIFICATE-----\n"


@dataclass(eq=False)
class Certificate:
    der: bytes
    subject: bytes
    kind: str
    key: pathlib.Path
    issuers: list  # without itself, nearest first
    file: pathlib.Path  # itself, PEM

    def written(self, suffix, text):
        """Written once: a server may be reading it."""
        file = self.file.with_suffix(suffix)
        if not file.exists():
            file.write_text(text)
        return file

    @property
    def chain_file(self):
        """Itself and its issuers but for the root."""
        return self.written(".chain", pem(self.der) + "".join(pem(issuer.der) for issuer in self.issuers[:-1]))

    @property
    def issuers_file(self):
        return self.written(".issuers", "".join(pem(issuer.der) for issuer in self.issuers[:-1]))

    @property
    def bundle_file(self):
        """The chain and the key in one file."""
        return self.written(".bundle", self.chain_file.read_text() + self.key.read_text())


made = 0


def issue(subject, *, issuer=None, kind="p256", owner="leaf", names=(), serial=None, begins="20200101000000Z", ends="20991231235959Z",
          ca=False, extensions=()):
    """A certificate for `subject` (text: a common name), signed by `issuer` or by itself. `names`: of alt_names()."""
    global made
    made += 1
    subject = name(("CN", subject)) if isinstance(subject, str) else subject
    key_file = key(kind, owner)
    signer_kind, signer_key = (issuer.kind, issuer.key) if issuer else (kind, key_file)
    algorithm = SIGNED_BY[signer_kind][0]
    listed = list(extensions)
    if names:
        listed.append(extension("2.5.29.17", alt_names(*names)))
    if ca:
        listed.append(extension("2.5.29.19", der(SEQUENCE, b"\1\1\xff"), critical=True))
        listed.append(extension("2.5.29.15", der(BITS, b"\1\6"), critical=True))  # signs certificates and lists
    body = der(SEQUENCE, der(0xA0, integer(2)), integer(0x1000 + made if serial is None else serial), algorithm,
               issuer.subject if issuer else subject, der(SEQUENCE, time(begins), time(ends)), subject, public_key(key_file),
               der(0xA3, der(SEQUENCE, *listed)) if listed else b"")
    whole = der(SEQUENCE, body, algorithm, der(BITS, b"\0", sign(signer_kind, signer_key, body)))
    file = pathlib.Path(FOLDER.name) / f"{made}.pem"
    file.write_text(pem(whole))
    return Certificate(whole, subject, kind, key_file, [issuer, *issuer.issuers] if issuer else [], file)


@functools.cache
def root():
    return issue("Sonde Test Root", owner="root", ca=True)


@functools.cache
def intermediate():
    return issue("Sonde Test Intermediate", issuer=root(), owner="intermediate", ca=True)


@functools.cache
def leaf(host="site.test"):
    """For `host` and 127.0.0.1, the first of a chain of three."""
    return issue(host, issuer=intermediate(), names=(f"DNS:{host}", "IP:127.0.0.1"))


@functools.cache
def ocsp_response(certificate):
    """The file of a response, "good", by the certificate's issuer."""
    issuer, folder = certificate.issuers[0], pathlib.Path(FOLDER.name)
    serial = openssl("x509", "-in", certificate.file, "-noout", "-serial").decode().strip().removeprefix("serial=")
    index, request, response = (folder / f"{serial}.{suffix}" for suffix in ("index", "request", "ocsp"))
    index.write_text(f"V\t991231235959Z\t\t{serial}\tunknown\t/CN=any\n")
    openssl("ocsp", "-issuer", issuer.file, "-cert", certificate.file, "-no_nonce", "-reqout", request)
    openssl("ocsp", "-index", index, "-CA", issuer.file, "-rsigner", issuer.file, "-rkey", issuer.key, "-reqin", request, "-respout", response,
            "-ndays", "3650")
    return response


def sct():
    """A signed certificate timestamp that nobody signed (RFC 6962, 3.2)."""
    signature = b"\4\3" + (8).to_bytes(2, "big") + b"unsigned"
    return b"\0" + bytes(32) + (1_700_000_000_000).to_bytes(8, "big") + b"\0\0" + signature


def sct_list(count):
    listed = b"".join(len(sct()).to_bytes(2, "big") + sct() for _ in range(count))
    return len(listed).to_bytes(2, "big") + listed


@functools.cache
def serverinfo(count):
    """The file that makes s_server send `count` timestamps, in any version (SSL_CTX_use_serverinfo_ex(3))."""
    where = 0x0080 | 0x0100 | 0x1000  # in the ClientHello, a 1.2 ServerHello, a 1.3 Certificate
    body = where.to_bytes(4, "big") + (18).to_bytes(2, "big") + len(sct_list(count)).to_bytes(2, "big") + sct_list(count)
    file = pathlib.Path(FOLDER.name) / f"{count}.serverinfo"
    file.write_text(f"-----BEGIN SERVERINFOV2 FOR SCT-----\n{base64.encodebytes(body).decode()}-----END SERVERINFOV2 FOR SCT-----\n")
    return file


def embedded_scts(count):
    """The extension of a certificate (RFC 6962, 3.3)."""
    return extension("1.3.6.1.4.1.11129.2.4.2", der(OCTETS, sct_list(count)))
