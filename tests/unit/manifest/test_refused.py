"""What a manifest is refused for: every case says line, column, key and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Refusal


def test_the_manifest_that_the_cases_change_is_right(refusal: Refusal, shop: str) -> None:
    assert refusal(shop) == []


BAD = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"
GOOD = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


# What is replaced in the right manifest, by what, and how the line about it must start and go on.
def metric(query: str) -> str:
    """Return the declaration of one query, before the databases."""
    return f"    prometheus: {{p: {{url: 'http://p', queries: {{up: {query}}}}}}}\n    databases:"


CASES = {
    "unknown key": (
        "health: {path",
        "helth: {path",
        "9:9: environments.staging.services.api.helth: unknown key; did you mean health?",
    ),
    "unknown key of the top": (
        "rollback:",
        "rolback:",
        "62:1: rolback: unknown key; did you mean rollback?",
    ),
    "unknown key without a near miss": (
        "id: 1\n",
        "id: 1\n      zzzz: 1\n",
        "20:7: environments.staging.chain.zzzz: unknown key; known here: accounts, ",
    ),
    "missing key": (
        "{path: /orders, credential: admin}",
        "{credential: admin}",
        "12:11: environments.staging.services.api.endpoints.orders.path: is missing",
    ),
    "missing key of an item": (
        "    title: Healthy\n",
        "",
        "54:5: checklist[post.health].title: is missing",
    ),
    "duplicate key": (
        "      id: 1\n",
        "      id: 1\n      id: 2\n",
        "20:7: environments.staging.chain.id: duplicate key; it stands in line 19 already",
    ),
    "duplicate item": (
        "id: post.health\n",
        "id: pre.audit\n",
        "54:9: checklist[pre.audit].id: duplicate id; it stands in line 47 already",
    ),
    "duplicate trigger": (
        "rollback:\n",
        "  - {id: errors, items: [post.health]}\nrollback:\n",
        "62:10: triggers[errors].id: duplicate id; it stands in line 61 already",
    ),
    "text for a list": (
        "facets: [smoke]",
        "facets: smoke",
        "58:13: checklist[post.health].facets: expected a list, got 'smoke'",
    ),
    "text for keys": (
        '      id: 1\n      accounts: {arbiter: {address: "0x5aA',
        '      id: 1\n      accounts: {arbiter: {min_balance: 1, address: "0x12", x: "0x5aA',
        (
            "20:53: environments.staging.chain.accounts.arbiter.address: expected an address of 40 "
            "hexadecimal digits, got '0x12' (2 digits after 0x)"
        ),
    ),
    "list for keys": (
        "api: {run: [kubectl, rollout, undo, deployment/api], verify: [post.health]}",
        "api: [kubectl]",
        "63:8: rollback.api: expected keys and values, got a list",
    ),
    "quoted number": (
        "      id: 1\n",
        '      id: "1"\n',
        "19:11: environments.staging.chain.id: expected an integer, got '1'; remove the quotes",
    ),
    "number for a text": (
        "version: 1.0.0",
        "version: 1.0",
        "1:32: release.version: expected a text, but YAML reads 1.0 as a number; quote it",
    ),
    "no for a text": (
        "title: Healthy",
        "title: no",
        (
            "55:12: checklist[post.health].title: expected a text, but YAML reads no as false; "
            "quote it"
        ),
    ),
    "yes as an expected value": (
        "paused: false",
        "paused: yes",
        (
            "25:53: environments.staging.contracts.escrow.state.paused: YAML reads yes as true; "
            "write true, or quote it"
        ),
    ),
    "bare hexadecimal": (
        'security: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"',
        "security: 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        (
            "65:13: signers.security: expected a text, but YAML reads "
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed as a number; quote it"
        ),
    ),
    "bare hexadecimal as an expected value": (
        "paused: false",
        "paused: 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "25:53: environments.staging.contracts.escrow.state.paused: YAML reads 0x5aAe",
    ),
    "checksum": (
        f'security: "{GOOD}"',
        f'security: "{BAD}"',
        (
            f"65:13: signers.security: wrong EIP-55 checksum: a digit of {BAD} is mistyped; "
            f"if it is "
            f"right after all, write {GOOD}"
        ),
    ),
    "checksum of an expected value": (
        "paused: false",
        f'paused: "{BAD}"',
        "25:53: environments.staging.contracts.escrow.state.paused: wrong EIP-55 checksum",
    ),
    "address one digit short": (
        "paused: false",
        'paused: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe"',
        (
            "25:53: environments.staging.contracts.escrow.state.paused: "
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe has 39 hexadecimal digits; an address has 40"
        ),
    ),
    "zero address": (
        f'security: "{GOOD}"',
        'security: "0x0000000000000000000000000000000000000000"',
        "65:13: signers.security: the zero address is nobody's account",
    ),
    "two names for one account": (
        'cto: "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"',
        'cto: "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"',
        "66:8: signers.cto: is the account of security too; each signer needs its own",
    ),
    "no such item in a trigger": (
        "item: post.health",
        "item: post.helth",
        "61:24: triggers[errors].item: no item post.helth; did you mean post.health?",
    ),
    "no such item in the undoing": (
        "verify: [post.health]",
        "verify: [post.healt]",
        "63:65: rollback.api.verify[0]: no item post.healt; did you mean post.health?",
    ),
    "no such component": (
        "undo: [api]",
        "undo: [apy]",
        "61:80: triggers[errors].undo[0]: no component apy; did you mean api?",
    ),
    "no such signer": (
        "[security, cto]",
        "[security, ceo]",
        "52:25: checklist[pre.audit].signers[1]: no signer ceo; did you mean cto?",
    ),
    "no such credential": (
        "credential: admin",
        "credential: admn",
        (
            "12:47: environments.staging.services.api.endpoints.orders.credential: no credential "
            "admn; did you mean admin?"
        ),
    ),
    "no such endpoint": (
        "endpoint: api.buy",
        "endpoint: api.by",
        (
            "33:19: environments.staging.signed_requests.buy.endpoint: no endpoint api.by; "
            "did you mean api.buy?"
        ),
    ),
    "no such endpoint to sample": (
        "endpoints: [orders]",
        "endpoints: [order]",
        (
            "14:32: environments.staging.services.api.sampling.endpoints[0]: no endpoint of this "
            "service order; did you mean orders?"
        ),
    ),
    "no such typed data": (
        "typed_data: order\n",
        "typed_data: ordr\n",
        (
            "34:21: environments.staging.signed_requests.buy.typed_data: no typed data ordr; "
            "did you mean order?"
        ),
    ),
    "no such contract": (
        "contract: escrow",
        "contract: escro",
        "40:19: environments.staging.flows.life.contract: no contract escro; did you mean escrow?",
    ),
    "no such role": (
        "as: buyer",
        "as: byer",
        "42:37: environments.staging.flows.life.steps[0].as: no role byer; did you mean buyer?",
    ),
    "no such stand-in": (
        "as: buyer,",
        "as: buyer, args: [$byer],",
        (
            "42:51: environments.staging.flows.life.steps[0].args[0]: $byer stands for nothing; "
            "did you mean $buyer?"
        ),
    ),
    "no such database": (
        "database: orders,",
        "database: order,",
        (
            "45:76: environments.staging.agreements.book.database: no database order; "
            "did you mean orders?"
        ),
    ),
    "no such credential that must be refused": (
        "buy: {path: /orders, method: POST}",
        "buy: {path: /orders, method: POST, not_for: [admn]}",
        (
            "13:56: environments.staging.services.api.endpoints.buy.not_for[0]: no credential "
            "admn; did you mean admin?"
        ),
    ),
    "no such request before": (
        "buy: {path: /orders, method: POST}",
        "buy: {path: /orders, method: POST, body: [$a], first: {endpoint: by, take: {$a: a}}}",
        (
            "13:76: environments.staging.services.api.endpoints.buy.first.endpoint: no endpoint of "
            "this service by; did you mean buy?"
        ),
    ),
    "taken for nothing": (
        "buy: {path: /orders, method: POST}",
        "buy: {path: /orders, method: POST, body: {}, first: {endpoint: buy, take: {$a: a}}}",
        "13:90: environments.staging.services.api.endpoints.buy.first.take.$a: stands nowhere in ",
    ),
    "before itself": (
        "buy: {path: /orders, method: POST}",
        'buy: {path: "/o/{id}", parameters: {id: $a}, first: {endpoint: buy, take: {$a: a}}}',
        "13:74: environments.staging.services.api.endpoints.buy.first.endpoint: comes before ",
    ),
    "no stand-in": (
        "buy: {path: /orders, method: POST}",
        "buy: {path: /orders, method: POST, body: {}, first: {endpoint: buy, take: {a: a}}}",
        "13:89: environments.staging.services.api.endpoints.buy.first.take.a: is no stand-in",
    ),
    "one side only": (
        "database: orders, query: select 1}",
        "database: orders}",
        "45:18: environments.staging.agreements.book: needs the other side",
    ),
    "two other sides": (
        "query: select 1}",
        "query: select 1, chain: escrow.state()}",
        "45:18: environments.staging.agreements.book: needs the other side",
    ),
    "nothing to ask the chain": (
        "database: orders, query: select 1}",
        'chain: "12"}',
        "45:73: environments.staging.agreements.book.chain: is nothing to ask",
    ),
    "no header": (
        "buy: {path: /orders, method: POST}",
        "buy: {path: /orders, method: POST, headers: {'X Y': a}}",
        "13:63: environments.staging.services.api.endpoints.buy.headers.X Y: is no header of HTTP",
    ),
    "a header that makes it another request": (
        "buy: {path: /orders, method: POST}",
        "buy: {path: /orders, method: POST, headers: {x-method-override: PUT}}",
        (
            "13:75: environments.staging.services.api.endpoints.buy.headers.x-method-override: "
            "says whom or how much is asked"
        ),
    ),
    "a part that cannot be asked": (
        "healthy: {status: ok}}",
        "healthy: {status: ok}, agrees: {db: 'account:arbiter'}}",
        "9:69: environments.staging.services.api.health.agrees.db[0]: is nothing to ask; name one ",
    ),
    "many parts for one": (
        "healthy: {status: ok}}",
        "healthy: {status: ok}, agrees: {db: [chain, 'database:*']}}",
        "9:77: environments.staging.services.api.health.agrees.db[1]: is nothing to ask",
    ),
    "an outage of no part": (
        "healthy: {status: ok}}",
        (
            "healthy: {status: ok}, agrees: {db: chain}, "
            "outages: {bd: {down: {run: [a], undo: [b]}}}}"
        ),
        "9:87: environments.staging.services.api.health.outages.bd: is no part of agrees; known ",
    ),
    "an outage without a way": (
        "healthy: {status: ok}}",
        "healthy: {status: ok}, agrees: {db: chain}, outages: {db: {}}}",
        "9:87: environments.staging.services.api.health.outages.db: says no way to break it",
    ),
    "an outage that nobody ends": (
        "healthy: {status: ok}}",
        "healthy: {status: ok}, agrees: {db: chain}, outages: {db: {down: {run: [a]}}}}",
        "9:92: environments.staging.services.api.health.outages.db.down.undo: is missing",
    ),
    "a side that needs another answer first": (
        "{path: /orders, credential: admin}",
        '{path: "/o/{id}", parameters: {id: $a}, first: {endpoint: buy, take: {$a: a}}}',
        "45:35: environments.staging.agreements.book.endpoint: api.orders needs what comes first; ",
    ),
    "a unit of rows": (
        "query: select 1}",
        "query: select 1, unit: ether}",
        "45:107: environments.staging.agreements.book.unit: is of amounts on the chain",
    ),
    "no such subject": (
        "service:api",
        "service:apy",
        (
            "59:26: checklist[post.health].evidence[0].subject: no environment declares "
            "service apy; "
            "did you mean api?"
        ),
    ),
    "no such kind of subject": (
        "service:api",
        "servce:api",
        (
            "59:26: checklist[post.health].evidence[0].subject: servce:api is no subject; write "
            "service:NAME, "
        ),
    ),
    "a pattern that no subject meets": (
        "service:api",
        "external:z*",
        "59:26: checklist[post.health].evidence[0].subject: no environment declares external z*",
    ),
    "no such environment of an item": (
        "    facets: [smoke]",
        "    environments: [stagin]",
        (
            "58:20: checklist[post.health].environments[0]: no environment stagin; "
            "did you mean staging?"
        ),
    ),
    "no such default environment": (
        "default_environment: staging",
        "default_environment: stagin",
        "2:22: default_environment: no environment stagin; did you mean staging?",
    ),
    "measure of nothing": (
        "api.error_rate",
        "apy.error_rate",
        "61:46: triggers[errors].measure: no environment declares service apy; did you mean api?",
    ),
    "measure of another kind": (
        "measure: api.error_rate",
        "measure: escrow.error_rate",
        "61:46: triggers[errors].measure: no environment declares service escrow; known here: api",
    ),
    "no such measure": (
        "api.error_rate",
        "api.eror_rate",
        (
            "61:46: triggers[errors].measure: api.eror_rate is no measure; write "
            "SERVICE.error_rate, "
            "CONTRACT.failure_rate or DATABASE.unreachable; did you mean error_rate?"
        ),
    ),
    "rate without limit": (
        "limit: 5%, ",
        "",
        "61:46: triggers[errors].measure: a rate needs its limit; write for example limit: 5%",
    ),
    "limit that no rate is beyond": (
        "limit: 5%",
        "limit: 100%",
        "61:69: triggers[errors].limit: is reached by no rate",
    ),
    "limit of no rate": (
        "measure: api.error_rate",
        "measure: orders.unreachable",
        "61:73: triggers[errors].limit: limits nothing here; only rates have a limit",
    ),
    "trigger without measure and items": (
        "measure: api.error_rate, limit: 5%, ",
        "",
        "61:5: triggers[errors]: names neither a measure nor items; write one of them",
    ),
    "trigger with measure and items": (
        "limit: 5%",
        "items: [post.health], limit: 5%",
        "61:62: triggers[errors].items: stand beside a measure",
    ),
    "confidence of nothing": (
        "limit: 5%",
        "limit: 5%, confidence: 100%",
        "61:85: triggers[errors].confidence: must be at least 50% and less than 100%",
    ),
    "rollback before anything is deployed": (
        "    stage: pre_deploy\n",
        "    stage: pre_deploy\n    on_failure: rollback\n",
        (
            "50:17: checklist[pre.audit].on_failure: nothing is deployed in pre_deploy that "
            "could be "
            "rolled back"
        ),
    ),
    "hotfix without severity": (
        "version: 1.0.0",
        "version: 1.0.0, kind: hotfix",
        "1:45: release.kind: a hotfix needs its severity; write severity: P0, P1, P2 or P3",
    ),
    "sign-off without signers": (
        "    signers: [security, cto]\n    threshold: 2\n",
        "",
        "51:18: checklist[pre.audit].verified_by: sign_off needs signers; name at least one",
    ),
    "threshold beyond the signers": (
        "threshold: 2",
        "threshold: 3",
        "53:16: checklist[pre.audit].threshold: 3 of 2 signers can never sign",
    ),
    "one signer counted twice": (
        "[security, cto]",
        "[security, security]",
        "52:25: checklist[pre.audit].signers[1]: security is named twice",
    ),
    "signers of what is checked": (
        "    verified_by: sign_off\n",
        "",
        "51:5: checklist[pre.audit].signers: sign nothing here; write verified_by: sign_off",
    ),
    "carried from nowhere": (
        "facets: [smoke]",
        "accept_from: {environment: stagin, max_age: 7d}",
        "58:32: checklist[post.health].accept_from.environment: no environment stagin",
    ),
    "carried without an age": (
        "facets: [smoke]",
        "accept_from: {environment: staging}",
        "58:5: checklist[post.health].accept_from.max_age: is missing",
    ),
    "carried to nowhere": (
        "facets: [smoke]",
        "environments: [staging]\n    accept_from: {environment: staging, max_age: 7d}",
        "59:5: checklist[post.health].accept_from: the item applies to staging only",
    ),
    "a signature carried": (
        "    verified_by: sign_off\n",
        "    verified_by: sign_off\n    accept_from: {environment: staging, max_age: 7d}\n",
        "52:5: checklist[pre.audit].accept_from: carries what checks verified",
    ),
    "attempts": (
        "facets: [smoke]",
        "attempts: {pass: 3, of: 2}",
        "58:22: checklist[post.health].attempts.pass: 3 of 2 can never pass",
    ),
    "facet that is a stage": (
        "[smoke]",
        "[daily]",
        "58:14: checklist[post.health].facets[0]: daily is a stage or a severity",
    ),
    "facet that -m cannot name": (
        "[smoke]",
        "[smoke-test]",
        "58:14: checklist[post.health].facets[0]: -m needs a word of letters, digits and _",
    ),
    "facet that pytest knows": (
        "[smoke]",
        "[skip]",
        "58:14: checklist[post.health].facets[0]: pytest gives the mark skip a meaning",
    ),
    "severity": (
        "    severity: P0\n    facets",
        "    severity: P9\n    facets",
        "57:15: checklist[post.health].severity: expected one of P0, P1, P2, P3; got 'P9'",
    ),
    "stage": (
        "stage: post_deploy",
        "stage: post_deplo",
        (
            "56:12: checklist[post.health].stage: expected one of pre_deploy, deploy, post_deploy, "
            "rollback, daily, weekly, monthly; got 'post_deplo'; did you mean post_deploy?"
        ),
    ),
    "name with a dot": (
        "databases: {orders:",
        "databases: {or.ders:",
        "43:17: environments.staging.databases.or.ders: 'or.ders' is no name; use letters",
    ),
    "variable in a key": (
        "healthy: {status: ok}",
        'healthy: {"${X}": ok}',
        (
            "9:43: environments.staging.services.api.health.healthy.${X}: variables are not "
            "read in "
            "keys"
        ),
    ),
    "variable where none is read": (
        "title: Healthy",
        'title: "${TITLE}"',
        (
            "55:12: checklist[post.health].title: variables are read in environments and in "
            "release "
            "only; write the value out"
        ),
    ),
    "variable that decides what is verified": (
        "access: transact",
        'access: "${ACCESS}"',
        "5:13: environments.staging.access: no variable may stand here",
    ),
    "variable with a default": (
        '"${API_URL}"',
        '"${API_URL:-http://x}"',
        (
            "8:14: environments.staging.services.api.url: ${API_URL:-http://x} is no variable; "
            "write ${NAME} (there are no defaults)"
        ),
    ),
    "unquoted variable in a flow mapping": (
        "{path: /orders, credential: admin}",
        "{path: ${ORDERS}, credential: admin}",
        (
            "12:27: not readable as YAML: did not find expected ',' or '}' while parsing a flow "
            'mapping; inside {...} and [...] quote a variable: "${ORDERS}"'
        ),
    ),
    "secret of a credential": (
        "Bearer ${API_TOKEN}",
        "Bearer abcdefgh",
        "16:22: environments.staging.credentials.admin.value: secrets never live in the manifest",
    ),
    "password of a URL": (
        '"${DATABASE_URL}"',
        '"postgresql://shop:hunter2hunter2@db/orders"',
        "43:31: environments.staging.databases.orders.url: secrets never live in the manifest",
    ),
    "secret header": (
        "answer: {status: 200}",
        "headers: {X-Api-Key: abcdefgh}, answer: {status: 200}",
        "44:81: environments.staging.external.quotes.headers.X-Api-Key: secrets never live",
    ),
    "duration without unit": (
        "{path: /health, healthy: {status: ok}}",
        "{path: /health, healthy: {status: ok}, within: 15}",
        (
            "9:64: environments.staging.services.api.health.within: a duration needs its unit; "
            "write for example 15s"
        ),
    ),
    "negative duration": (
        "{path: /health, healthy: {status: ok}}",
        "{path: /health, healthy: {status: ok}, within: -15m}",
        "9:64: environments.staging.services.api.health.within: not a duration: '-15m'",
    ),
    "no duration": (
        "{path: /health, healthy: {status: ok}}",
        "{path: /health, healthy: {status: ok}, within: 0s}",
        "9:64: environments.staging.services.api.health.within: a duration must be longer",
    ),
    "share": ("limit: 5%", "limit: 150%", "61:69: triggers[errors].limit: not a share: '150%'"),
    "share as a number": ("limit: 5%", "limit: 5", "61:69: triggers[errors].limit: not a share: 5"),
    "rate": (
        "rate: 20/s",
        "rate: 20",
        "14:47: environments.staging.services.api.sampling.rate: not a rate: '20'",
    ),
    "amount": (
        "value: 0.1 ether",
        "value: 0.1",
        "42:51: environments.staging.flows.life.steps[0].value: not an amount: 0.1",
    ),
    "url": (
        '"https://quotes.example.org"',
        "quotes.example.org",
        "44:30: environments.staging.external.quotes.url: expected an absolute URL",
    ),
    "absolute path": (
        "artifacts/Escrow.json",
        "/artifacts/Escrow.json",
        "23:19: environments.staging.contracts.escrow.artifact: expected a path relative",
    ),
    "status": (
        "answer: {status: 200}",
        "answer: {status: [200, 99]}",
        "44:83: environments.staging.external.quotes.answer.status[1]: must be at least 100",
    ),
    "sampling what writes": (
        "endpoints: [orders]",
        "endpoints: [buy]",
        (
            "14:32: environments.staging.services.api.sampling.endpoints[0]: buy is POST; "
            "only GET is "
            "sampled"
        ),
    ),
    "sampling what is known late": (
        "orders: {path: /orders, credential: admin}",
        'orders: {path: "/o/{id}", parameters: {id: $a}, first: {endpoint: buy, take: {$a: a}}}',
        (
            "14:32: environments.staging.services.api.sampling.endpoints[0]: the path of orders is "
            "known only after what comes first"
        ),
    ),
    "fewer samples than a round": (
        "samples: 100",
        "samples: 100, max_samples: 50",
        "14:80: environments.staging.services.api.sampling.max_samples: is less than samples",
    ),
    "query without a limit": (
        "    databases:",
        metric("{query: up, about: uptime, source: up}"),
        "43:49: environments.staging.prometheus.p.queries.up: states no limit; write min or max",
    ),
    "query that nothing keeps": (
        "    databases:",
        metric("{query: up, about: uptime, source: up, min: 2, max: 1}"),
        "43:97: environments.staging.prometheus.p.queries.up.min: is more than max (1.0)",
    ),
    "query without its source": (
        "    databases:",
        metric("{query: up, about: uptime, min: 1}"),
        "43:49: environments.staging.prometheus.p.queries.up.source: is missing",
    ),
    "query about nothing": (
        "    databases:",
        metric("{query: up, about: uptim, source: up, min: 1}"),
        "43:72: environments.staging.prometheus.p.queries.up.about: expected one of",
    ),
    "metric that is not declared": (
        'evidence: [{subject: "service:api"}]',
        'evidence: [{subject: "metric:p.up"}]',
        "59:26: checklist[post.health].evidence[0].subject: no environment declares metric p.up",
    ),
    "identity of nothing": (
        "identity: {path: /health, version: version}",
        "identity: {path: /health}",
        "10:9: environments.staging.services.api.identity: says nowhere where version or commit",
    ),
    "expectation of nothing": (
        "paused: false",
        "paused: {}",
        "25:53: environments.staging.contracts.escrow.state.paused: states nothing",
    ),
    "arguments and nothing else": (
        "paused: false",
        "paused: {args: [1]}",
        "25:45: environments.staging.contracts.escrow.state.paused: states nothing",
    ),
    "mistyped operator": (
        "{in: [0, 1]}",
        "{matchs: abc}",
        (
            "25:32: environments.staging.contracts.escrow.state.currentState.matchs: unknown key; "
            "did you mean matches?; to expect an object, write equals: {...}"
        ),
    ),
    "regular expression": (
        "paused: false",
        'paused: {matches: "("}',
        "25:63: environments.staging.contracts.escrow.state.paused.matches: is no regular",
    ),
    "pattern that everything matches": (
        "paused: false",
        'paused: {matches: "(?s).*"}',
        "25:63: environments.staging.contracts.escrow.state.paused.matches: matches every text",
    ),
    "length that nothing misses": (
        "paused: false",
        "paused: {length: 0}",
        "25:62: environments.staging.contracts.escrow.state.paused.length: must be at least 1",
    ),
    "bounds that nothing meets": (
        "paused: false",
        "paused: {min: 2 ether, max: 1 ether}",
        "25:59: environments.staging.contracts.escrow.state.paused.min: is more than max",
    ),
    "unchecked beside a comparison": (
        "paused: false",
        "paused: {unchecked: later, equals: 1}",
        "25:65: environments.staging.contracts.escrow.state.paused.unchecked: is declared beside",
    ),
    "empty value": (
        'credentials:\n      admin: {value: "Bearer ${API_TOKEN}"}\n',
        "credentials:\n",
        "15:17: environments.staging.credentials: expected keys and values, but it is empty",
    ),
    "table without its column": (
        '{url: "${DATABASE_URL}"}',
        '{url: "${DATABASE_URL}", migrations: {tool: table, path: m, table: t}}',
        "43:50: environments.staging.databases.orders.migrations: tool: table needs column",
    ),
    "a timed query without a limit": (
        '{url: "${DATABASE_URL}"}',
        '{url: "${DATABASE_URL}", queries: {all: {query: select 1}}}',
        "43:60: environments.staging.databases.orders.queries.all: states no limit",
    ),
    "outages where nothing may be written": (
        "    access: transact\n",
        "    access: read-only\n    outages: allowed\n",
        "6:14: environments.staging.outages: are caused only where access is transact",
    ),
    "domain": (
        "domain: {name: Shop, chainId: 1}",
        "domain: {name: Shop, chainID: 1}",
        (
            "28:39: environments.staging.typed_data.order.domain.chainID: unknown key; "
            "did you mean chainId?"
        ),
    ),
    "primary type": (
        "primary: Order",
        "primary: Ordr",
        (
            "29:18: environments.staging.typed_data.order.primary: Ordr is no type; "
            "did you mean Order?"
        ),
    ),
    "deployed when": (
        "version: 1.0.0",
        "version: 1.0.0, deployed_at: 2026-01-31",
        "1:52: release.deployed_at: is no time with its zone",
    ),
    "contract that is nowhere": (
        '        address: "${ESCROW}"\n',
        "",
        "22:7: environments.staging.contracts.escrow: says nowhere where it is; write address, or",
    ),
    "address beside a deployment": (
        '        address: "${ESCROW}"\n',
        f"        address: '{GOOD}'\n        deployment: deployments/live/Escrow.json\n",
        "25:21: environments.staging.contracts.escrow.deployment: stands beside an address",
    ),
    "deployed_as without a deployment": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        deployed_as: Escrow\n',
        "25:22: environments.staging.contracts.escrow.deployed_as: names nothing here",
    ),
    "difference without an end": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        differences: [{facet: metadata, reason: so}]\n',
        "25:23: environments.staging.contracts.escrow.differences[0].expires: is missing",
    ),
    "difference that never ends": (
        '        address: "${ESCROW}"\n',
        (
            '        address: "${ESCROW}"\n'
            "        differences: [{facet: metadata, reason: so, expires: never}]\n"
        ),
        "25:62: environments.staging.contracts.escrow.differences[0].expires: is no day",
    ),
    "difference in everything": (
        '        address: "${ESCROW}"\n',
        (
            '        address: "${ESCROW}"\n'
            '        differences: [{facet: any, reason: so, expires: "2027-01-31"}]\n'
        ),
        "25:31: environments.staging.contracts.escrow.differences[0].facet: expected one of",
    ),
    "difference of an unnamed immutable": (
        '        address: "${ESCROW}"\n',
        (
            '        address: "${ESCROW}"\n'
            '        differences: [{facet: immutable, reason: so, expires: "2027-01-31"}]\n'
        ),
        "25:23: environments.staging.contracts.escrow.differences[0]: facet immutable needs name",
    ),
    "proxy to nothing": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        proxy: {implementation: logic}\n',
        "25:33: environments.staging.contracts.escrow.proxy.implementation: no contract logic",
    ),
    "facet that is declared nowhere": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        facets: [loupe]\n',
        "25:18: environments.staging.contracts.escrow.facets[0]: no contract loupe",
    ),
    "facet named twice": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        facets: [escrow, escrow]\n',
        "25:26: environments.staging.contracts.escrow.facets[1]: escrow is named twice",
    ),
    "facets of a proxy": (
        '        address: "${ESCROW}"\n',
        (
            '        address: "${ESCROW}"\n        proxy: {implementation: escrow}\n'
            "        facets: [escrow]\n"
        ),
        "26:9: environments.staging.contracts.escrow.facets: stands beside proxy",
    ),
    "beacon proxy without its beacon": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        proxy: {kind: beacon, implementation: escrow}\n',
        "25:9: environments.staging.contracts.escrow.proxy: kind: beacon and beacon: NAME belong",
    ),
    "library that is no contract": (
        '        address: "${ESCROW}"\n',
        '        address: "${ESCROW}"\n        libraries: {Math: math}\n',
        "25:27: environments.staging.contracts.escrow.libraries.Math: no contract math",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_change_is_refused_in_its_place(
    refusal: Refusal, shop: str, case: tuple[str, str, str]
) -> None:
    old, new, expected = case
    assert shop.count(old) >= 1
    lines = refusal(shop.replace(old, new, 1))
    assert any(line.startswith(f"release.yaml:{expected}") for line in lines), lines


def test_all_problems_come_at_once_sorted_by_their_places(refusal: Refusal, shop: str) -> None:
    text = (
        shop.replace("title: Healthy", "titel: Healthy")
        .replace("id: 1\n", "id: one\n")
        .replace("undo: [api]", "undo: [web]")
    )
    assert refusal(text) == [
        "release.yaml:19:11: environments.staging.chain.id: expected an integer, got 'one'",
        "release.yaml:54:5: checklist[post.health].title: is missing",
        "release.yaml:55:5: checklist[post.health].titel: unknown key; did you mean title?",
        "release.yaml:61:80: triggers[errors].undo[0]: no component web; known here: api",
    ]


def test_a_broken_item_is_not_also_a_missing_one(refusal: Refusal, shop: str) -> None:
    lines = refusal(shop.replace("severity: P0\n    facets", "severity: P7\n    facets"))
    assert len(lines) == 1


def test_a_checklist_without_items(refusal: Refusal, shop: str) -> None:
    text = shop[: shop.index("checklist:")] + "checklist: []\n"
    assert refusal(text) == [
        "release.yaml:46:1: checklist: has no items; nothing could be verified"
    ]


def test_contracts_without_a_chain(refusal: Refusal, shop: str) -> None:
    start, end = shop.index("    chain:"), shop.index("    contracts:")
    lines = refusal(shop[:start] + shop[end:])
    assert lines == [
        (
            "release.yaml:17:5: environments.staging.contracts: are declared, but no chain to find "
            "them on"
        )
    ]


def test_what_does_not_exist_needs_no_subject(refusal: Refusal, shop: str) -> None:
    text = shop.replace('"service:api"', '"database:none"')
    assert refusal(text.replace("facets: [smoke]", "not_applicable: no database")) == []
    assert refusal(text)


def test_secrets_may_stand_in_a_sandbox(refusal: Refusal, shop: str) -> None:
    text = shop.replace("${API_TOKEN}", "open-to-everybody")
    assert refusal(text)
    assert refusal(text.replace("access: transact", "access: transact\n    sandbox: true")) == []


FILES = {
    "nothing": (b"", "1:1: is empty; a manifest needs release, environments, checklist"),
    "comments": (b"# soon\n", "1:1: is empty"),
    "a text": (b"release", "1:1: expected keys and values; a manifest starts with release:"),
    "a list": (b"- 1\n", "1:1: expected keys and values"),
    "no keys": (b"{}", "1:1: checklist: is missing"),
    "byte order mark": (b"\xef\xbb\xbfrelease: 1", "1:1: starts with a byte order mark"),
    "UTF-16": ("release: 1".encode("utf-16"), "1:1: is UTF-16; save it as UTF-8"),
    "Latin-1": (b"a: 1\nb: caf\xe9\n", "2:7: byte 0xe9 is no UTF-8"),
    "NUL": (b"a: 1\nb: \x00\n", "2:4: character U+0000 may not stand in YAML"),
    "tab": (b"a:\n\tb: 1\n", "2:1: not readable as YAML: found character that cannot start"),
    "unclosed": (b"a: {b: 1\n", "2:1: not readable as YAML: did not find expected ',' or '}'"),
    "reserved": (
        b"a: @b\n",
        (
            "1:4: not readable as YAML: found character that cannot start any "
            "token while scanning for the next token; quote a text that starts so"
        ),
    ),
    "alias": (b"a: &x 1\nb: *x\n", "2:4: b: alias *x: aliases are not read here"),
    "alias of itself": (b"a: &x [*x]\n", "1:8: a[0]: alias *x: aliases are not read here"),
    "tag": (b"a: !!python/name:os.system 1\n", "1:4: a: tag "),
    "two documents": (b"a: 1\n---\nb: 1\n", "2:1: a second document starts here"),
    "key of a list": (b"? [1]\n: 2\n", "1:3: a key must be a text"),
    "key that is a number": (b"1: 2\n", "1:1: 1: as a key, YAML reads 1 as a number; quote it"),
    "key that is a boolean": (b"no: 2\n", "1:1: no: as a key, YAML reads no as false; quote it"),
    "deep": (b"[" * 100, "1:41: [0]"),
    # Some versions of libyaml refuse this themselves, in their words; others leave it to us.
    "very deep": (b"[" * 100_000, "1:"),
    "large": (b"#" * (1 << 20) + b"\n", "1:1: is larger than 1048576 bytes"),
    "many": (b"a: [" + b"1," * 60_000 + b"]", "1:99999: a[49996]: more than 50000 values"),
}


@pytest.mark.parametrize("case", FILES.values(), ids=FILES)
def test_a_file_that_is_no_manifest(refusal: Refusal, case: tuple[bytes, str]) -> None:
    data, expected = case
    lines = refusal(data)
    assert any(line.startswith(f"release.yaml:{expected}") for line in lines), lines


def test_a_million_problems_are_shown_in_part(refusal: Refusal) -> None:
    lines = refusal("".join(f"key{number}: 1\n" for number in range(1000)))
    assert len(lines) == 101
    assert lines[-1] == "release.yaml: and 903 more"
