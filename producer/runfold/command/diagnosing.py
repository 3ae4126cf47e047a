"""What is well, worth a look, or wrong, from what was looked at; and what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from . import cells
from .probing import Ground, JournalFound, Reached

State = Literal["pass", "warn", "fail"]

CLOCK_S_WARN, CLOCK_S_FAIL = 2.0, 60.0
CERTIFICATE_DAYS_WARN = 14
ACCESS_TOKEN_DAYS_WARN = 7
LAG_S_WARN = 60.0
UNSENT_S_WARN = 600.0
ALIVE_BYTES_WARN = 256 << 20
FREE_BYTES_FAIL, FREE_BYTES_WARN = 64 << 20, 1 << 30
SLOW_S_WARN = 1.0


class Finding(NamedTuple):
    """One check: what was found, and what helps where it is not well."""

    area: str
    check: str
    state: State
    found: str
    remedy: str | None = None


def reached(area: str, setting: str, place: Reached, now: datetime) -> Finding:
    """A name, a connection, a certificate."""
    where = f"{place.host}:{place.port}"
    if place.error is not None:
        what, remedy = {
            "address": ("no address", f"correct {setting}: such as http://127.0.0.1:8400"),
            "name": (
                f"the name {place.host} is not known",
                f"correct {setting}, or the name service of this machine",
            ),
            "connection": (
                f"no connection to {where}",
                "is it up (`runfold status`), and does a firewall lie between? Address: " + setting,
            ),
            "tls": (
                f"no trust in {where}",
                "the certificate must be good for that name, and its authority known here (SSL_CERT_FILE)",
            ),
        }[place.stage]
        return Finding(area, "reach", "fail", f"{what}: {place.error}", remedy)
    told = f"{where} ({', '.join(dict.fromkeys(place.addresses))}) in {place.seconds * 1000:.0f} ms"
    if place.expires is not None:
        days = (place.expires - now).total_seconds() / 86_400
        told += f", certificate good for {days:.0f} days"
        if days < CERTIFICATE_DAYS_WARN:
            return Finding(area, "reach", "warn", told, "renew the certificate")
    if place.seconds > SLOW_S_WARN:
        return Finding(area, "reach", "warn", told, "slow: look at name service and network")
    return Finding(area, "reach", "pass", told)


def stranger(address: str, told: str) -> Finding:
    """Something answers at the API's address that is not it."""
    remedy = "correct RUNFOLD_API; the local stack's is what `runfold up` tells"
    return Finding("API", "answer", "fail", f"what answers at {address} is no Runfold API: {told.strip()}", remedy)


def refused(told: str, *, in_environment: bool) -> Finding:
    """An access token that is good for nothing; whoever has it cannot make another with it.

    :param in_environment: It stands there, and so covers the one of a local stack.
    """
    remedy = (
        "ask whoever administers the ledger for another one (they: runfold access-tokens create NAME, or beside the"
    )
    remedy += " database: runfold access create), and set RUNFOLD_ACCESS_TOKEN"
    if in_environment:
        remedy += "; with a local stack: unset it, its own is used then"
    return Finding("access token", "good", "fail", told.strip(), remedy)


def clock(area: str, ahead_s: float | None, *, at_least: bool = False) -> Finding:
    """Another clock against this machine's.

    :param ahead_s: How far the other is ahead; None: it does not say.
    :param at_least: It is ahead by at least that; how far it is behind cannot be seen.
    """
    if ahead_s is None:
        return Finding(area, "clock", "pass", "it has told no time yet")
    remedy = "set the clock that is wrong by NTP (`timedatectl`), here or there; run times are wrong until then"
    away = max(0.0, ahead_s) if at_least else abs(ahead_s)
    if at_least and ahead_s <= CLOCK_S_WARN:
        return Finding(area, "clock", "pass", "not ahead of this machine's, by its newest fact")
    told = f"{away:.1f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's" + (", or more" if at_least else "")
    if away > CLOCK_S_FAIL:
        return Finding(area, "clock", "fail", told, remedy)
    if away > CLOCK_S_WARN:
        return Finding(area, "clock", "warn", told, remedy)
    return Finding(area, "clock", "pass", "agrees with this machine's to about a second")


def versions(client: str, server: str) -> Finding:
    """Client and server: of one minor version they always understand each other."""
    told = f"client {client}, server {server}"
    if client == server:
        return Finding("API", "versions", "pass", told)
    alike = client.split(".")[:2] == server.split(".")[:2]
    remedy = None if alike else "bring the older one up: pip install --upgrade runfold"
    return Finding("API", "versions", "pass" if alike else "warn", told, remedy)


def access_token(
    session: Mapping[str, Any], workspace: str | None, now: datetime, *, may_read: bool = False
) -> list[Finding]:
    """Whose it is, what it may, until when.

    :param session: {principal, workspaces: [{workspace, scopes}], expires_at}; workspaces that exist.
    :param may_read: Whether it was let into the workspace.
    """
    reach = {each["workspace"]: list(each["scopes"]) for each in session["workspaces"]}
    found = []
    until = cells.instant(session.get("expires_at"))
    whose = f"of {session['principal']}"
    if until is None:
        found.append(Finding("access token", "good", "pass", f"{whose}, without an end"))
    else:
        days = (until - now).total_seconds() / 86_400
        is_soon = days < ACCESS_TOKEN_DAYS_WARN
        remedy = "ask for another in time (an admin: runfold access-tokens create NAME)" if is_soon else None
        told = f"{whose}, good for {days:.1f} days"
        found.append(Finding("access token", "good", "warn" if is_soon else "pass", told, remedy))
    scopes = reach.get(workspace or "", reach.get("*", []))
    if workspace is None:
        return found
    there = ", ".join(sorted(reach)) or "none"
    if not scopes and may_read:
        remedy = "name one of these (RUNFOLD_WORKSPACE, -w), or make it: runfold topics create --workspace " + workspace
        found.append(
            Finding("access token", "scopes", "fail", f"{workspace} does not exist yet; there are {there}", remedy)
        )
    elif not scopes:
        remedy = f"name one of these (RUNFOLD_WORKSPACE, -w), or ask for an access token of {workspace}"
        found.append(Finding("access token", "scopes", "fail", f"it reaches {there}, not {workspace}", remedy))
    elif "write" not in scopes:
        remedy = "tags, cancels and uploads need the scope write"
        found.append(Finding("access token", "scopes", "warn", f"{', '.join(scopes)} in {workspace}", remedy))
    else:
        found.append(Finding("access token", "scopes", "pass", f"{', '.join(scopes)} in {workspace}"))
    return found


def lag(projectors: Sequence[Mapping[str, Any]]) -> Finding:
    """How far what is shown is behind what was said."""
    if not projectors:
        remedy = "is `runfold project state` up, and has this workspace topics?"
        return Finding("API", "projection", "warn", "no projector has folded this workspace", remedy)
    worst = max(projectors, key=lambda each: each["lag_s"])
    told = f"{worst['projector']} is behind by {cells.lasting(worst['lag_s']) or 'an unknown time'} at most"
    if worst["lag_s"] > LAG_S_WARN:
        return Finding("API", "projection", "warn", told, "look at the projectors: runfold health; their logs say why")
    return Finding("API", "projection", "pass", told)


def permissions(permitted: Mapping[str, frozenset[str]], needed: Mapping[str, frozenset[str]]) -> Finding:
    """What this principal may do with topics; a broker that does not say is not doubted."""
    lacking = [
        f"{operation} on {topic}"
        for topic, operations in needed.items()
        if permitted.get(topic)
        for operation in sorted(operations - permitted[topic])
    ]
    if lacking:
        return Finding("broker", "permissions", "fail", f"lacking: {', '.join(lacking)}", "have the broker grant them")
    if not any(permitted.values()):
        return Finding("broker", "permissions", "pass", "the broker does not say")
    return Finding("broker", "permissions", "pass", f"what shipping needs, on {len(permitted)} topics")


def journals(found: Sequence[JournalFound]) -> list[Finding]:
    """What lies on this machine and is not with the broker yet."""
    dead = [each for each in found if not each.is_alive and not each.is_sent]
    unbound = [each for each in dead if not each.is_bound]
    unsent = [each for each in dead if each.is_bound]
    alive = [each for each in found if each.is_alive]
    findings = []
    if unsent:
        oldest = max(each.age_s for each in unsent)
        size = cells.size(sum(each.unacknowledged_bytes for each in unsent))
        told = f"{len(unsent)} of processes that have ended are not sent, {size} at most, the oldest {_ago(oldest)} old"
        state: State = "warn" if oldest > UNSENT_S_WARN else "pass"
        findings.append(Finding("journals", "unsent", state, told, "runfold ship --once"))
    else:
        findings.append(Finding("journals", "unsent", "pass", "all of processes that have ended is sent"))
    if unbound:
        told = f"{len(unbound)} of offline runs belong to no workspace yet"
        remedy = "runfold ship --once --workspace W --experiment E"
        findings.append(Finding("journals", "offline", "warn", told, remedy))
    if alive:
        left = sum(each.unacknowledged_bytes for each in alive)
        told = f"{len(alive)} of running processes, {cells.size(left)} of them not acknowledged yet, at most"
        if left > ALIVE_BYTES_WARN:
            remedy = "is the broker reached from here, and fast enough?"
            findings.append(Finding("journals", "running", "warn", told, remedy))
        else:
            findings.append(Finding("journals", "running", "pass", told))
    return findings


def ground(found: Ground) -> list[Finding]:
    """May journals be written, fast and safely?"""
    if found.error is not None:
        return [Finding("journals", "folder", "fail", found.error, "name another folder: RUNFOLD_JOURNAL")]
    kept = f"{found.folder} on {found.file_system or 'an unknown file system'}"
    findings = [Finding("journals", "folder", "pass", f"{kept}, written through memory")]
    if not found.may_map:
        remedy = "each log call costs a system call there; a local ext4, xfs or tmpfs is faster: RUNFOLD_JOURNAL"
        findings = [Finding("journals", "folder", "warn", f"{kept}, written by system calls", remedy)]
    told = f"{cells.size(found.free_bytes)} free of {cells.size(found.total_bytes)}"
    if found.free_bytes < FREE_BYTES_WARN:
        state: State = "fail" if found.free_bytes < FREE_BYTES_FAIL else "warn"
        findings.append(Finding("journals", "disk", state, told, "make room: what cannot be journaled is not logged"))
    else:
        findings.append(Finding("journals", "disk", "pass", told))
    return findings


def stack(services: Sequence[Mapping[str, Any]] | None) -> Finding:
    """The local stack, where there is one."""
    if services is None:
        return Finding("stack", "services", "pass", "none on this machine")
    if not services:
        return Finding("stack", "services", "warn", "nothing is up", "runfold up")
    ill = [f"{each['name']} is {each['health']}" for each in services if each["health"] != "ready"]
    if ill:
        return Finding("stack", "services", "fail", ", ".join(ill), "runfold status tells why; runfold up helps")
    return Finding("stack", "services", "pass", f"{len(services)} are ready")


def worst(findings: Sequence[Finding]) -> State:
    """The gravest of them."""
    states = {each.state for each in findings}
    return "fail" if "fail" in states else "warn" if "warn" in states else "pass"


def _ago(seconds: float) -> str:
    return cells.lasting(seconds) if seconds < 86_400 else f"{seconds / 86_400:.0f} days"
