"""In English, what is said of keys, the password, and browsers that are signed in."""

TEXTS: dict[str, str] = {
    "page.account": "Account",
    "sign_in.title": "Sign in",
    "sign_in.lead": "Whoever runs this site has a key or the password for you. You stay signed in here for 30 days.",
    "sign_in.secret": "Key or password",
    "sign_in.wrong": "This is neither a key nor the password. Check that it is whole: keys begin with vl_.",
    "sign_in.limited": "Too many wrong ones came from your address. Try again in {time}.",
    "sign_in.unusable": "Keys cannot be checked at the moment. Try again later, or write to whoever runs this site.",
    "sign_in.devices": "You are signed in",
    "sign_in.with_key": "With the key of {name}, on these devices:",
    "sign_in.with_password": "With the password. Everybody who uses it is listed here:",
    "sign_in.device": "{browser} on {system}",
    "sign_in.device.unknown": "Another device",
    "sign_in.here": "This device",
    "sign_in.seen": "Last used on {day}",
    "sign_in.make": "Make a video",
    "sign_in.out": "Sign out",
    "sign_in.out.others": "Sign out all others",
}
