"""In German, what is said of keys, the password, and browsers that are signed in."""

TEXTS: dict[str, str] = {
    "page.account": "Konto",
    "sign_in.title": "Anmelden",
    "sign_in.lead": "Einen Schlüssel oder das Passwort bekommst du vom Betreiber dieser Seite. Du bleibst hier 30 Tage "
    "angemeldet.",
    "sign_in.secret": "Schlüssel oder Passwort",
    "sign_in.wrong": "Das ist weder ein Schlüssel noch das Passwort. Ist es vollständig? Schlüssel beginnen mit vl_.",
    "sign_in.limited": "Von deiner Adresse kamen zu viele falsche. Bitte in {time} erneut versuchen.",
    "sign_in.unusable": "Schlüssel lassen sich gerade nicht prüfen. Bitte später erneut versuchen oder dem Betreiber "
    "dieser Seite schreiben.",
    "sign_in.devices": "Du bist angemeldet",
    "sign_in.with_key": "Mit dem Schlüssel von {name}, auf diesen Geräten:",
    "sign_in.with_password": "Mit dem Passwort. Hier stehen alle, die es benutzen:",
    "sign_in.device": "{browser} auf {system}",
    "sign_in.device.unknown": "Ein anderes Gerät",
    "sign_in.here": "Dieses Gerät",
    "sign_in.seen": "Zuletzt benutzt am {day}",
    "sign_in.make": "Video erstellen",
    "sign_in.out": "Abmelden",
    "sign_in.out.others": "Alle anderen abmelden",
}
