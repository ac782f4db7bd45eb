"""Settings: what is read from the environment, and what is said of what cannot be used."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from appraisal.settings import BadSetting, MailServer, Publisher, SessionLimits, Settings, read_settings

MAIL = {
    "APPRAISAL_MAIL": "smtp://mail.example.org",
    "APPRAISAL_MAIL_FROM": "appraisal@example.org",
    "APPRAISAL_ADDRESS": "https://appraisal.example.org",
}


def _mail(tmp_path: Path, **changes: str) -> MailServer:
    found = read_settings({**MAIL, **changes}, data=tmp_path).mail
    assert found is not None
    return found


def test_without_a_mail_server_there_is_none(tmp_path: Path) -> None:
    assert read_settings({}, data=tmp_path).mail is None
    assert read_settings({**MAIL, "APPRAISAL_MAIL": ""}, data=tmp_path).mail is None


@pytest.mark.parametrize(
    ("given", "host", "port", "security"),
    [
        ("smtp://mail.example.org", "mail.example.org", 25, "none"),
        ("smtp://localhost:2525/", "localhost", 2525, "none"),
        ("smtp://[::1]:2525", "::1", 2525, "none"),
        ("smtp://mail.example.org?starttls=1", "mail.example.org", 587, "starttls"),
        ("smtp://mail.example.org:25?starttls=1", "mail.example.org", 25, "starttls"),
        ("smtp://mail.example.org?starttls=0", "mail.example.org", 25, "none"),
        ("smtps://mail.example.org", "mail.example.org", 465, "tls"),
    ],
)
def test_a_mail_server_is_an_address(tmp_path: Path, given: str, host: str, port: int, security: str) -> None:
    found = _mail(tmp_path, APPRAISAL_MAIL=given)
    assert (found.host, found.port, found.security) == (host, port, security)
    assert (found.user, found.password, found.timeout) == ("", "", 10)


def test_user_and_password_stand_in_it_and_the_password_in_nothing_that_is_printed(tmp_path: Path) -> None:
    found = _mail(tmp_path, APPRAISAL_MAIL="smtps://ap%40office:p%2Fss%3Aw@mail.example.org")
    assert (found.user, found.password) == ("ap@office", "p/ss:w")
    assert "p/ss:w" not in repr(found)
    assert "p/ss:w" not in repr(
        read_settings({**MAIL, "APPRAISAL_MAIL": "smtps://u:p%2Fss:w@h"}, data=tmp_path)
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_password_may_stay_in_the_clear_on_this_machine(tmp_path: Path, host: str) -> None:
    assert _mail(tmp_path, APPRAISAL_MAIL=f"smtp://u:sesame@{host}").password == "sesame"


@pytest.mark.parametrize(
    "given",
    [
        "mail.example.org",
        "http://u:sesame@mail.example.org",
        "smtp://",
        "smtp://u:sesame@",
        "smtp://u:ses/ame@mail.example.org",
        "smtps://u:sesame@mail.example.org:99999",
        "smtps://u:sesame@mail.example.org:0",
        "smtps://u:sesame@mail.example.org:mail",
        "smtps://u:sesame@mail.example.org/inbox",
        "smtps://u:sesame@mail.example.org#x",
        "smtps://u:sesame@[mail",
        "smtps://u@mail.example.org",
        "smtps://:sesame@mail.example.org",
        "smtps://u:sésame@mail.example.org",
        "smtp://u:sesame@mail.example.org?starttls=yes",
        "smtp://u:sesame@mail.example.org?starttls",
        "smtp://u:sesame@mail.example.org?tls=1",
        "smtps://u:sesame@mail.example.org?starttls=1",
        "smtp://u:sesame@mail.example.org",
        "smtp://mail.example.org\nx",
    ],
)
def test_a_mail_server_that_cannot_be_used_is_told_without_its_password(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadSetting, match=r"^APPRAISAL_MAIL: ") as caught:
        _mail(tmp_path, APPRAISAL_MAIL=given)
    assert "same" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("given", "name", "sender"),
    [
        ("appraisal@example.org", "Appraisal", "appraisal@example.org"),
        ("<appraisal@example.org>", "Appraisal", "appraisal@example.org"),
        ("Quality control <qc+1@example.org>", "Quality control", "qc+1@example.org"),
        ("Contrôle qualité <qc@example.org>", "Contrôle qualité", "qc@example.org"),
    ],
)
def test_mail_comes_from_a_plain_address(tmp_path: Path, given: str, name: str, sender: str) -> None:
    found = _mail(tmp_path, APPRAISAL_MAIL_FROM=given)
    assert (found.name, found.sender) == (name, sender)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "a@b@c",
        "a b@c.org",
        "a..b@c.org",
        "A <a@b.org>, c@d.org",
        "<a@b.org",
        "a@b.org>",
        "a@b.org\nBcc: x@y.z",
    ],
)
def test_a_bad_sender_is_told(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadSetting, match=r"^APPRAISAL_MAIL_FROM: "):
        _mail(tmp_path, APPRAISAL_MAIL_FROM=given)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://appraisal.example.org", "https://appraisal.example.org"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("https://example.org/appraisal/", "https://example.org/appraisal"),
    ],
)
def test_links_begin_with_the_public_address(tmp_path: Path, given: str, address: str) -> None:
    assert _mail(tmp_path, APPRAISAL_ADDRESS=given).address == address


@pytest.mark.parametrize(
    "given",
    [
        "",
        "appraisal.example.org",
        "ftp://example.org",
        "https://",
        "https://u:p@example.org",
        "https://example.org?x=1",
        "https://example.org#x",
        "https://exa mple.org",
        "https://example.org:99999",
    ],
)
def test_a_bad_public_address_is_told(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadSetting, match=r"^APPRAISAL_ADDRESS: "):
        _mail(tmp_path, APPRAISAL_ADDRESS=given)


def test_the_publisher_is_the_ilo_unless_another_is_named(tmp_path: Path) -> None:
    assert read_settings({}, data=tmp_path).publisher == Publisher(
        "XM-DAC-41302", "40", "International Labour Organization"
    )
    given = {"APPRAISAL_PUBLISHER": "XM-DAC-41301|40| Food and Agriculture Organization"}
    named = read_settings(given, data=tmp_path).publisher
    assert named == Publisher("XM-DAC-41301", "40", "Food and Agriculture Organization")


@pytest.mark.parametrize(
    "given", ["ILO", "ILO|40|Name", "XM-DAC-41302|40|", "XM-DAC-41302|4|ILO", "X-1/2|40|ILO", "X-1|40| "]
)
def test_a_publisher_that_cannot_be_one_is_told(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadSetting, match=r"^APPRAISAL_PUBLISHER: "):
        read_settings({"APPRAISAL_PUBLISHER": given}, data=tmp_path)


def test_the_secret_is_made_when_it_is_asked_for_and_kept(tmp_path: Path) -> None:
    found = read_settings({}, data=tmp_path / "data")
    assert list(tmp_path.iterdir()) == []

    made = found.session_secret()

    assert len(made) == 64
    assert (tmp_path / "data" / "secret").stat().st_mode & 0o777 == 0o600
    assert read_settings({}, data=tmp_path / "data").session_secret() == made


SECRET = "open sesame, and a good deal more"


def test_a_secret_that_is_set_is_kept_nowhere(tmp_path: Path) -> None:
    found = read_settings(
        {"APPRAISAL_SECRET": SECRET, "APPRAISAL_FORMER_SECRET": SECRET[::-1]}, data=tmp_path
    )
    assert (found.session_secret(), found.former_secret) == (SECRET, SECRET[::-1])
    assert SECRET not in repr(found)
    assert SECRET[::-1] not in repr(found)
    assert list(tmp_path.iterdir()) == []


_LEAST = "write 32 bytes or more; this makes some: python3 -c 'import secrets; print(secrets.token_hex(32))'"


@pytest.mark.parametrize("name", ["APPRAISAL_SECRET", "APPRAISAL_FORMER_SECRET"])
@pytest.mark.parametrize("short", ["x", "sesame", "x" * 31, "é" * 15])
def test_a_secret_that_could_be_guessed_is_refused(tmp_path: Path, name: str, short: str) -> None:
    with pytest.raises(BadSetting) as error:
        read_settings({name: short}, data=tmp_path)
    assert str(error.value) == f"{name}: {_LEAST}"
    found = read_settings({name: "é" * 16}, data=tmp_path)
    assert "é" * 16 in (found.secret, found.former_secret)


def test_a_secret_that_comes_from_elsewhere_is_looked_at_too(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as error:
        Settings(tmp_path, "sqlite://", "sesame").session_secret()
    assert str(error.value) == f"APPRAISAL_SECRET: {_LEAST}"


@pytest.mark.parametrize("kept", [b"", b"\n", b"sesame\n", b" " * 40, b"x" * 31 + b"\n"])
def test_a_kept_secret_that_could_be_guessed_is_refused(tmp_path: Path, kept: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(kept)
    with pytest.raises(BadSetting) as error:
        read_settings({}, data=tmp_path).session_secret()
    assert str(error.value) == (
        f"APPRAISAL_DATA: {file} holds no secret of 32 bytes or more; delete it, and another is made "
        "(everybody signs in again)"
    )
    assert file.read_bytes() == kept


def test_those_who_make_a_secret_at_once_agree_on_one(tmp_path: Path) -> None:
    barrier = Barrier(8)

    def make() -> str:
        barrier.wait()
        return read_settings({}, data=tmp_path / "data").session_secret()

    with ThreadPoolExecutor(8) as pool:
        made = [future.result() for future in [pool.submit(make) for _ in range(8)]]
    assert len(set(made)) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


def test_a_folder_that_takes_no_secret_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(BadSetting, match=r"^APPRAISAL_DATA: .*data cannot be written \(File exists\)$"):
        read_settings({}, data=tmp_path / "data").session_secret()


@pytest.mark.parametrize(
    ("hours", "minutes", "lifetime", "idle"),
    [
        ("", "", timedelta(hours=12), timedelta(hours=2)),
        ("8", "", timedelta(hours=8), timedelta(hours=2)),
        ("1", "", timedelta(hours=1), timedelta(hours=1)),
        ("", "30", timedelta(hours=12), timedelta(minutes=30)),
        ("", "720", timedelta(hours=12), timedelta(hours=12)),
        ("1", "5", timedelta(hours=1), timedelta(minutes=5)),
        ("168", "10080", timedelta(days=7), timedelta(days=7)),
    ],
)
def test_sessions_last_as_long_as_is_set(
    tmp_path: Path, hours: str, minutes: str, lifetime: timedelta, idle: timedelta
) -> None:
    given = {"APPRAISAL_SESSION_HOURS": hours, "APPRAISAL_SESSION_IDLE_MINUTES": minutes}
    assert read_settings(given, data=tmp_path).sessions == SessionLimits(lifetime, idle)


def test_sessions_last_twelve_hours_and_two_unused_unless_set(tmp_path: Path) -> None:
    assert read_settings({}, data=tmp_path).sessions == SessionLimits(timedelta(hours=12), timedelta(hours=2))


@pytest.mark.parametrize("text", ["0", "169", "-1", "1.5", "1e1", " 8", "eight", "١٢", "9" * 5000])
def test_hours_of_sessions_have_bounds(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSetting, match=r"^APPRAISAL_SESSION_HOURS: write a whole number from 1 to 168"):
        read_settings({"APPRAISAL_SESSION_HOURS": text}, data=tmp_path)


@pytest.mark.parametrize(("hours", "minutes", "most"), [("", "4", 720), ("", "721", 720), ("1", "61", 60)])
def test_sessions_are_not_idle_for_longer_than_they_last(
    tmp_path: Path, hours: str, minutes: str, most: int
) -> None:
    given = {"APPRAISAL_SESSION_HOURS": hours, "APPRAISAL_SESSION_IDLE_MINUTES": minutes}
    with pytest.raises(BadSetting, match=rf"^APPRAISAL_SESSION_IDLE_MINUTES: .* from 5 to {most}, "):
        read_settings(given, data=tmp_path)
