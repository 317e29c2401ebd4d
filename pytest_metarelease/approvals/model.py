"""Waivers and sign-offs as frozen values, as written in ``release-approvals/*.yaml``.

The classes are the schema of the files, as those of ``manifest.model`` are of the manifest. Nothing
here says whether an approval counts.
"""

# Annotations are objects here, not texts: the decoder and the schema read them.

from typing import Annotated

from pytest_metarelease.evidence import Judgement
from pytest_metarelease.record import record


@record
class Waiver:
    """A written, named, dated, expiring exception for one item of one release."""

    item: Annotated[str, "The item of the checklist that it is an exception of."]
    version: Annotated[str, "The version of the release; it is good for no other."]
    reason: Annotated[str, "Why the release may go out all the same."]
    approver: Annotated[str, "Who allows it; somebody else than the author."]
    author: Annotated[str, "Who asks for it."]
    expires: Annotated[str, "RFC 3339, with zone; from then on it does not count."]
    fingerprint: Annotated[
        str | None, "The failure that it covers, as the report shows it; without one, any."
    ] = None


@record
class SignOff:
    """A person's signed statement for an item that no program can verify.

    Every field but the signature is signed: EIP-712, type ``SignOff`` of ``approvals.statement``.
    """

    item: Annotated[str, "The item of the checklist that is vouched for."]
    item_digest: Annotated[str, "SHA-256, hex, of what the checklist declares of the item."]
    release: Annotated[str, "The name of the release."]
    version: Annotated[str, "The version of the release."]
    commit: Annotated[str | None, "The commit, needed where the item binds to it."] = None
    environment: Annotated[str, "Where the statement holds, as named in the manifest."]
    signer: Annotated[str, "Who signs, as named under `signers` in the manifest."]
    signed_at: Annotated[str, "RFC 3339, with zone; `max_age` counts from here."]
    expires: Annotated[str, "RFC 3339, with zone; from then on it does not count."]
    reason: Annotated[str | None, "What the signer looked at, in a sentence."] = None
    signature: Annotated[str, "0x hex: 65 bytes of an account, or what its Safe accepts."]


@record
class Approval:
    """One file of ``release-approvals/``: a waiver or a sign-off, exactly one of the two."""

    waiver: Waiver | None = None
    sign_off: SignOff | None = None


@record
class Attestation:
    """What an account, asked on its chain, said of a signature (ERC-1271).

    ``digest`` is the EIP-712 hash that was asked about, ``signature`` the SHA-256 of the
    signature's bytes, both hex without prefix. Only ``met`` says that the account signed;
    ``unknown`` means that nobody could be asked.
    """

    account: str
    digest: str
    signature: str
    judgement: Judgement
    text: str
    chain_id: int | None = None
    block: int | None = None


@record
class GivenWaiver:
    """A waiver that could be read, and the file that holds it."""

    file: str
    waiver: Waiver


@record
class GivenSignOff:
    """A sign-off that could be read, its file, and what is known of its signature.

    ``account`` is the address that the signature was held against, ``digest`` the EIP-712 hash, hex
    without prefix. The default knows nothing, which is no signature.
    """

    file: str
    sign_off: SignOff
    account: str | None = None
    digest: str = ""
    signed: Judgement = Judgement.UNKNOWN
    said: str = "its signature was not looked at"


@record
class Unreadable:
    """A file of ``release-approvals/`` that is no approval; what it wanted to say is not known."""

    file: str
    text: str


@record
class Approvals:
    """What people vouch for, as far as it could be read, and what could not."""

    waivers: tuple[GivenWaiver, ...] = ()
    sign_offs: tuple[GivenSignOff, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
