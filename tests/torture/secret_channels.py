# ruff: noqa: E501 - one channel, one line: the table is read across
"""The channels through which secrets leave a test run, each as a small test that uses it.

Every channel plants a secret of its own, so that a leak names the channel.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Channel:
    """One way out. ``body`` is the body of a test in which ``S`` is the secret.

    ``head`` stands before the function (marks, fixtures), ``asks`` are its arguments. ``shown`` is
    an expression for what would be seen, where that is not the secret itself.
    """

    name: str
    body: str
    head: str = ""
    asks: str = ""
    shown: str = "S"
    hexadecimal: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that holds this channel's secret."""
        return f"{self.name.upper()}_TOKEN"

    @property
    def secret(self) -> str:
        """A value with characters that every encoding changes, or a key of 32 bytes."""
        if self.hexadecimal:
            return f"0x{sha256(self.name.encode()).hexdigest()}"
        return f"zq7/{self.name}+Kx9=w&{self.name[::-1]}vJ"

    @property
    def visible(self) -> str:
        """What would be seen."""
        names = {"S": self.secret, "quote": quote, "base64": base64}
        return str(eval(self.shown, names))  # noqa: S307 - an expression of the table below

    @property
    def sightings(self) -> frozenset[bytes]:
        """What would be seen, as it stands in text, JSON and XML; in lower case."""
        texts = {self.visible, json.dumps(self.visible)[1:-1]}
        texts |= {escape(one, quote=False) for one in texts}
        return frozenset(one.lower().encode() for one in texts)

    @property
    def source(self) -> str:
        """The test."""
        lines = [self.head] if self.head else []
        lines += [
            f"def test_{self.name}({self.asks}):",
            *(f"    {one}" for one in self.body.splitlines()),
        ]
        return (
            f"S_{self.name} = os.environ[{self.variable!r}]\n"
            + "\n".join(lines).replace("S!", f"S_{self.name}")
            + "\n"
        )


CHANNELS = (
    Channel("assert_str", "assert S! == 'other'"),
    Channel("assert_in_long_text", "assert 'absent' in 'x' * 90 + S! + 'y' * 300"),
    Channel("assert_bytes", "assert S!.encode() == b'other'"),
    Channel(
        "assert_base64",
        "assert base64.b64encode(S!.encode()).decode() == ''",
        shown="base64.b64encode(S.encode()).decode()",
    ),
    Channel(
        "assert_base64_shifted",
        "assert base64.b64encode(b'u:' + S!.encode() + b'..').decode() == ''",
        shown="base64.b64encode(b'u:' + S.encode() + b'..').decode()[4:-6]",
    ),
    Channel("assert_hex", "assert S!.encode().hex() == ''", shown="S.encode().hex()"),
    Channel("assert_url_encoded", "assert quote(S!, safe='') == ''", shown="quote(S, safe='')"),
    Channel("assert_json_body", "assert json.dumps({'a': {'b': [S!]}}) == '{}'"),
    Channel("assert_dict", "assert {'a': 1, 'b': S!} == {'a': 1, 'b': 'c'}"),
    Channel("assert_message", "assert False, f'the answer was {S!}'"),
    Channel("pytest_fail", "pytest.fail(f'the answer was {S!}')"),
    Channel("object_repr", "assert Holder(S!) is None"),
    Channel("local_variable", "credential = S!\nassert not credential"),
    Channel(
        "fixture_value",
        "assert False",
        "@pytest.fixture\ndef given_value():\n    return S!\n",
        "given_value",
    ),
    Channel(
        "setup_error",
        "pass",
        "@pytest.fixture\ndef given_error():\n    raise OSError(S!)\n",
        "given_error",
    ),
    Channel(
        "teardown_error",
        "pass",
        "@pytest.fixture\ndef given():\n    yield\n    raise OSError(S!)\n",
        "given",
    ),
    Channel("argument_of_a_call", "deep(S!)"),
    Channel("exception", "raise RuntimeError(S!)"),
    Channel(
        "exception_cause",
        "try:\n    raise ValueError(S!)\nexcept ValueError as error:\n    raise RuntimeError('outer') from error",
    ),
    Channel(
        "exception_context",
        "try:\n    raise ValueError(S!)\nexcept ValueError:\n    raise RuntimeError('outer')",
    ),
    Channel("exception_note", "error = RuntimeError('noted')\nerror.add_note(S!)\nraise error"),
    Channel("exception_group", "raise ExceptionGroup('group', [ValueError(S!)])"),
    Channel(
        "account_key",
        "from eth_account import Account\nassert Account.from_key(S!).key.hex() == ''",
        shown="S[2:]",
        hexadecimal=True,
    ),
    Channel(
        "account_key_bytes",
        "from eth_account import Account\nassert bytes(Account.from_key(S!).key) == b''",
        shown="repr(bytes.fromhex(S[2:]))[2:-1]",
        hexadecimal=True,
    ),
    Channel("malformed_key", "from eth_account import Account\nAccount.from_key(S!)"),
    Channel(
        "http_status_error",
        "import httpx\nrequest = httpx.Request('GET', 'https://user:' + quote(S!, safe='') + '@127.0.0.1/a')\nhttpx.Response(500, request=request).raise_for_status()",
        shown="quote(S, safe='')",
    ),
    Channel(
        "httpx_info_log",
        "ask_with_httpx('http://user:' + quote(S!, safe='') + '@127.0.0.1/a')",
        shown="quote(S, safe='')",
    ),
    Channel(
        "httpcore_debug_log",
        "own = logging.getLogger('httpcore.http11')\nown.setLevel(logging.DEBUG)\nown.debug('send_request_headers.started request=%r', [(b'authorization', S!.encode())])\nassert False",
    ),
    Channel(
        "redirect_location",
        "import httpx\nassert httpx.Response(302, headers={'location': 'https://127.0.0.1/?k=' + quote(S!, safe='')}).headers == {}",
        shown="quote(S, safe='')",
    ),
    Channel(
        "web3_provider",
        "from web3 import HTTPProvider\nassert HTTPProvider('http://127.0.0.1:9/v3/' + S!) is None",
    ),
    Channel(
        "web3_error",
        "from web3.exceptions import Web3RPCError\nraise Web3RPCError(S!)",
    ),
    Channel("called_process_error", "import subprocess\nsubprocess.run(['false', S!], check=True)"),
    Channel("print_failing", "print('said', S!)\nassert False"),
    Channel("print_passing", "print('said', S!)"),
    Channel("stderr_passing", "print('said', S!, file=sys.stderr)"),
    Channel("file_descriptor", "os.write(1, S!.encode())\nassert False"),
    Channel("log_passing", "logging.getLogger('own').warning('said %s', S!)"),
    Channel("log_repr", "logging.getLogger('own').warning('said %r', {'a': S!})\nassert False"),
    Channel(
        "log_exception",
        "try:\n    raise OSError(S!)\nexcept OSError:\n    logging.getLogger('own').exception('failed')\nassert False",
    ),
    Channel(
        "parameter_without_id",
        "assert not given",
        "@pytest.mark.parametrize('given', [S!])",
        "given",
    ),
    Channel(
        "parameter_with_id",
        "assert not given",
        "@pytest.mark.parametrize('given', [pytest.param(S!, id='named')])",
        "given",
    ),
    Channel(
        "step_argument",
        "import allure\nwith allure.step('step ' + S!):\n    signed(S!)\nassert False",
    ),
    Channel("step_title_passing", "import allure\nwith allure.step('step ' + S!):\n    pass"),
    Channel(
        "allure_title",
        "import allure\nallure.dynamic.title(S!)\nallure.dynamic.description(S!)\nallure.dynamic.parameter('given', S!)\nallure.dynamic.link('https://127.0.0.1/' + S!)",
    ),
    Channel("attachment_text", "import allure\nallure.attach('body ' + S!, 'text')"),
    Channel(
        "attachment_bytes", "import allure\nallure.attach(b'\\xff\\x00' + S!.encode(), 'bytes')"
    ),
    Channel(
        "attachment_file",
        "import allure\n(tmp_path / 'f').write_text(S!)\nallure.attach.file(tmp_path / 'f', 'file')",
        "",
        "tmp_path",
    ),
    Channel("skip_reason", "pytest.skip(S!)"),
    Channel("skip_mark", "pass", "@pytest.mark.skip(reason=S!)"),
    Channel("xfail_call", "pytest.xfail(S!)"),
    Channel("xfail_mark", "assert False", "@pytest.mark.xfail(reason=S!, strict=False)"),
    Channel("xpass", "pass", "@pytest.mark.xfail(reason=S!, strict=False)"),
    Channel("warning", "warnings.warn(S!)"),
    Channel(
        "thread_exception",
        "thread = threading.Thread(target=deep, args=(S!,))\nthread.start()\nthread.join()",
    ),
    Channel("record_property", "record_property('said', S!)", "", "record_property"),
    Channel(
        "record_testsuite_property",
        "record_testsuite_property('said', S!)",
        "",
        "record_testsuite_property",
    ),
    Channel("subtest_message", "with subtests.test(msg=S!):\n    assert False", "", "subtests"),
    Channel("subtest_argument", "with subtests.test(given=S!):\n    assert False", "", "subtests"),
    Channel(
        "evidence",
        "evidence.measured(subject='own:x', asked='a ' + S!, value=S!).expect('other')",
        "",
        "evidence",
    ),
)

PREAMBLE = """\
import base64, json, logging, os, pytest, sys, threading, warnings
from urllib.parse import quote

class Holder:
    def __init__(self, held): self.held = held
    def __repr__(self): return f'Holder({self.held!r})'

def deep(argument):
    raise LookupError('deep down', argument)

def signed(argument):
    import allure
    with allure.step('inner'):
        raise_for = argument
        assert raise_for == 'other'

def ask_with_httpx(url):
    import httpx
    logging.getLogger('httpx').setLevel(logging.INFO)
    def answer(request): return httpx.Response(200, request=request)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        client.get(url)

"""


def suite() -> str:
    """Return a test file that uses every channel."""
    return PREAMBLE + "\n\n".join(one.source for one in CHANNELS)
