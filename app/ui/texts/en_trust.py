"""In English, what is said of how videos were made: the page that checks files, shared videos, and reports."""

TEXTS: dict[str, str] = {
    "page.verify": "Check a video",
    "verify.title": "Was this made by a computer?",
    "verify.lead": "Some videos and pictures carry Content Credentials, a signed note of how they were made; those "
    "made with Video Lab also a mark that nobody sees. This page looks for both.",
    "verify.choose": "Choose a video or a picture",
    "verify.drop": "or drop it here",
    "verify.limits": "Videos up to {video} MB, pictures up to {image} MB. The file is sent to this server, checked, "
    "and deleted at once.",
    "verify.answer": "Answer",
    "verify.empty": "The answer appears here",
    "verify.empty.credentials": "Content Credentials",
    "verify.empty.credentials.detail": "A note in the file, signed: who made it, when, with what, and whether it was "
    "changed since. Cameras and programs write it; many networks throw it away.",
    "verify.empty.mark": "A mark that nobody sees",
    "verify.empty.mark.detail": "Videos made with Video Lab have it in the picture itself. It mostly outlasts copies, "
    "cuts and screen recordings. It can also be copied onto others: alone, it proves nothing.",
    "verify.empty.nothing": "Neither of them",
    "verify.empty.nothing.detail": "Then nothing is known: real or fake, most files have none.",
    "verify.script.sending": "Sending the file",
    "verify.script.sent": "{percent}%",
    "verify.script.checking": "Looking for credentials and marks",
    "verify.script.checking.detail": "This takes a few seconds.",
    "verify.script.another": "Choose another file",
    "verify.script.here": "Made by a computer, and made here",
    "verify.script.here.detail": "This site made and signed it: what it shows has been artificially generated or "
    "manipulated, and need not have happened.",
    "verify.script.here.valid": "Nothing was changed since it was signed.",
    "verify.script.own": "It carries this site’s mark",
    "verify.script.own.detail": "That is a strong hint that this site made it, and that what it shows has been "
    "artificially generated or manipulated. It is no proof: the mark can be copied, even onto a real video.",
    "verify.script.own.edited": "Somebody else has signed the file, and may have edited it before. Nothing was changed "
    "since that signature.",
    "verify.script.own.invalid": "Its signed note cannot be believed: the file was changed since it was signed, or the "
    "signature is no good.",
    "verify.script.own.bare": "It has no signed note, which is lost when a file is sent through most networks. What "
    "else was cut or changed cannot be told.",
    "verify.script.elsewhere": "Made or edited elsewhere",
    "verify.script.elsewhere.trusted": "The file carries a signed note, and nothing was changed since it was signed. "
    "The signer is on this site’s list of trusted ones.",
    "verify.script.elsewhere.valid": "The file carries a signed note, and nothing was changed since it was signed. "
    "Who the signer really is cannot be told here: anybody may sign under any name.",
    "verify.script.changed": "Its signed note cannot be believed",
    "verify.script.changed.detail": "The file was changed since it was signed, or the signature is no good. What its "
    "note says may be wrong.",
    "verify.script.marked": "It carries a mark of Video Lab",
    "verify.script.marked.detail": "The picture has the mark of Video Lab, the program that this site uses, from "
    "somewhere else. It hints that the video has been artificially generated or manipulated; it is no proof.",
    "verify.script.nothing": "Nothing was found",
    "verify.script.nothing.detail": "That proves nothing. Most real pictures carry no such note and no mark, and "
    "neither do most fakes. Look for the original, and for who published it first.",
    "verify.script.unsought": "No mark could be looked for: the picture in this file cannot be read here.",
    "verify.script.unseen": "Your browser cannot show this file. It may be damaged.",
    "verify.script.signer": "Signed by",
    "verify.script.trusted": "On the trust list",
    "verify.script.made": "Time",
    "verify.script.made.detail": "{time}, as the file says",
    "verify.script.tool": "Made with",
    "verify.script.valid": "Changed since signing",
    "verify.script.valid.yes": "no",
    "verify.script.valid.no": "yes, or the signature is no good",
    "verify.script.unknown": "not said",
    "verify.script.yes": "yes",
    "verify.script.no": "no",
    "verify.script.facts": "Technical details",
    "verify.script.file": "File",
    "verify.script.credentials": "Content Credentials",
    "verify.script.found": "found",
    "verify.script.none": "none",
    "verify.script.mark": "Watermark",
    "verify.script.mark.found": "job {job}, {percent}% sure",
    "verify.script.made_here": "Made here",
    "verify.script.made_here.signed": "yes, and signed here",
    "verify.script.made_here.marked": "its mark says so, which can be copied",
    "verify.script.made_here.elsewhere": "signed elsewhere",
    "verify.script.made_here.untold": "cannot be told",
    "verify.script.error": "That did not work",
    "verify.script.error.kind": "This is neither a video nor a picture that can be checked. Choose a JPEG, PNG, GIF, "
    "TIFF, WebP, HEIC, AVIF, MP4, MOV, WebM, MKV or AVI file.",
    "verify.script.error.large": "This file has {size} MB; at most {most} MB can be checked. Choose a shorter piece "
    "or a smaller copy.",
    "verify.script.error.busy": "Many files are being checked at the moment. Try again in half a minute.",
    "verify.script.error.undecodable": "The file could not be checked: that took more time than any real one takes. "
    "Try the original.",
    "verify.script.error.failed": "The file could not be checked. Try again.",
    "verify.script.error.lost": "No connection to the server. Try again.",
    "verify.script.error.gone": "This video is no longer here, or nobody may see it at the moment.",
    "verify.script.again": "Try again",
    "verify.script.fetching": "Fetching the video",
    "share.synthetic": "Made by a computer: the picture and the movements in this video have been artificially "
    "generated or manipulated. The person may never have said this.",
    "share.marks.credentials_watermark": "It carries Content Credentials, a signed note of how it was made, and a "
    "watermark that nobody sees.",
    "share.marks.credentials": "It carries Content Credentials, a signed note of how it was made, but no watermark.",
    "share.marks.watermark": "It carries a watermark that nobody sees, but no Content Credentials.",
    "share.marks.none": "It carries neither Content Credentials nor a watermark.",
    "share.report": "Report this video",
    "share.hidden": "This video is being looked at",
    "share.hidden.detail": "Somebody has reported it. Nobody can see it until whoever runs this site has decided.",
    "share.check": "Check this video",
    "report.title": "Report this video",
    "report.lead": "A reported video is hidden until whoever runs this site has looked at it. Nothing is kept of who "
    "you are.",
    "report.reason": "What is wrong with it?",
    "report.reason.consent": "It shows me or somebody else without consent",
    "report.reason.deception": "It deceives: it passes for real, or for somebody’s own words",
    "report.reason.abuse": "It humiliates, threatens or is sexual",
    "report.reason.law": "It breaks the law in another way",
    "report.reason.other": "Something else",
    "report.text": "What should we know? (optional)",
    "report.limit": "Up to {characters} characters. To be answered, say how you can be reached.",
    "report.send": "Report",
    "report.back": "Back to the video",
    "report.thanks": "Thank you",
    "report.thanks.detail": "Your report was kept. Whoever runs this site will look at the video.",
    "report.wrong": "Choose a reason, and write at most {characters} characters.",
    "report.failed": "Your report could not be kept",
    "report.failed.detail": "This site has no room to write it down at the moment. Try again later, or write to "
    "whoever runs this site.",
    "report.limited": "You have reported several videos already",
    "report.limited.detail": "This one is not reported yet. Try again in {time}, or write to whoever runs this site.",
}
