"""In German, what is said of how videos were made: the page that checks files, shared videos, and reports."""

TEXTS: dict[str, str] = {
    "page.verify": "Video prüfen",
    "verify.title": "Vom Computer gemacht?",
    "verify.lead": "Manche Videos und Bilder tragen Content Credentials, einen signierten Vermerk, wie sie entstanden "
    "sind; mit Video Lab gemachte auch ein unsichtbares Zeichen. Diese Seite sucht nach beidem.",
    "verify.choose": "Video oder Bild wählen",
    "verify.drop": "oder hier ablegen",
    "verify.limits": "Videos bis {video} MB, Bilder bis {image} MB. Die Datei geht an diesen Server, wird geprüft und "
    "sofort gelöscht.",
    "verify.answer": "Antwort",
    "verify.empty": "Hier erscheint die Antwort",
    "verify.empty.credentials": "Content Credentials",
    "verify.empty.credentials.detail": "Ein signierter Vermerk in der Datei: wer sie wann womit gemacht hat und ob "
    "sie seither geändert wurde. Kameras und Programme schreiben ihn, viele Netzwerke werfen ihn weg.",
    "verify.empty.mark": "Ein unsichtbares Zeichen",
    "verify.empty.mark.detail": "Mit Video Lab gemachte Videos tragen es im Bild selbst. Meist übersteht es Kopien, "
    "Schnitte und Bildschirmaufnahmen. Es lässt sich auch auf andere kopieren: Allein beweist es nichts.",
    "verify.empty.nothing": "Keins von beiden",
    "verify.empty.nothing.detail": "Dann weiß man nichts: Ob echt oder gefälscht, die meisten Dateien haben keins.",
    "verify.script.sending": "Datei wird gesendet",
    "verify.script.sent": "{percent} %",
    "verify.script.checking": "Vermerk und Zeichen werden gesucht",
    "verify.script.checking.detail": "Das dauert einige Sekunden.",
    "verify.script.another": "Andere Datei wählen",
    "verify.script.here": "Vom Computer gemacht, und zwar hier",
    "verify.script.here.detail": "Diese Seite hat es gemacht und signiert: Was zu sehen ist, wurde künstlich "
    "erzeugt oder manipuliert und muss nicht geschehen sein.",
    "verify.script.here.valid": "Seit der Signatur wurde nichts geändert.",
    "verify.script.own": "Trägt das Zeichen dieser Seite",
    "verify.script.own.detail": "Das deutet stark darauf hin, dass diese Seite es gemacht hat und dass künstlich "
    "erzeugt oder manipuliert wurde, was zu sehen ist. Ein Beweis ist es nicht: Das Zeichen lässt sich kopieren, auch "
    "auf ein echtes Video.",
    "verify.script.own.edited": "Jemand anderes hat die Datei signiert und vielleicht vorher bearbeitet. Seit dieser "
    "Signatur wurde nichts geändert.",
    "verify.script.own.invalid": "Dem signierten Vermerk ist nicht zu trauen: Die Datei wurde seit der Signatur "
    "geändert, oder die Signatur taugt nichts.",
    "verify.script.own.bare": "Ein signierter Vermerk fehlt, wie oft nach dem Versand über ein Netzwerk. Was sonst "
    "geschnitten oder geändert wurde, lässt sich nicht sagen.",
    "verify.script.elsewhere": "Anderswo gemacht oder bearbeitet",
    "verify.script.elsewhere.trusted": "Die Datei trägt einen signierten Vermerk, und seit der Signatur wurde nichts "
    "geändert. Wer signiert hat, steht auf der Vertrauensliste dieser Seite.",
    "verify.script.elsewhere.valid": "Die Datei trägt einen signierten Vermerk, und seit der Signatur wurde nichts "
    "geändert. Wer wirklich signiert hat, lässt sich hier nicht sagen: Unter jedem Namen kann jeder signieren.",
    "verify.script.changed": "Dem signierten Vermerk ist nicht zu trauen",
    "verify.script.changed.detail": "Die Datei wurde seit der Signatur geändert, oder die Signatur taugt nichts. Was "
    "der Vermerk sagt, kann falsch sein.",
    "verify.script.marked": "Trägt ein Zeichen von Video Lab",
    "verify.script.marked.detail": "Das Bild trägt das Zeichen von Video Lab, dem Programm dieser Seite, von einem "
    "anderen Ort. Das deutet darauf hin, dass das Video künstlich erzeugt oder manipuliert wurde; ein Beweis ist es "
    "nicht.",
    "verify.script.nothing": "Nichts gefunden",
    "verify.script.nothing.detail": "Das beweist nichts. Die meisten echten Bilder tragen weder Vermerk noch Zeichen, "
    "die meisten Fälschungen auch nicht. Suche nach dem Original und danach, wer es zuerst veröffentlicht hat.",
    "verify.script.unsought": "Nach einem Zeichen ließ sich nicht suchen: Das Bild in der Datei ist hier nicht lesbar.",
    "verify.script.unseen": "Dein Browser kann die Datei nicht zeigen. Vielleicht ist sie beschädigt.",
    "verify.script.signer": "Signiert von",
    "verify.script.trusted": "Auf der Vertrauensliste",
    "verify.script.made": "Zeit",
    "verify.script.made.detail": "{time}, laut Datei",
    "verify.script.tool": "Gemacht mit",
    "verify.script.valid": "Seit der Signatur geändert",
    "verify.script.valid.yes": "nein",
    "verify.script.valid.no": "ja, oder die Signatur taugt nichts",
    "verify.script.unknown": "keine Angabe",
    "verify.script.yes": "ja",
    "verify.script.no": "nein",
    "verify.script.facts": "Technische Angaben",
    "verify.script.file": "Datei",
    "verify.script.credentials": "Content Credentials",
    "verify.script.found": "gefunden",
    "verify.script.none": "keine",
    "verify.script.mark": "Wasserzeichen",
    "verify.script.mark.found": "Auftrag {job}, zu {percent} % sicher",
    "verify.script.made_here": "Hier gemacht",
    "verify.script.made_here.signed": "ja, und hier signiert",
    "verify.script.made_here.marked": "laut Zeichen, das sich kopieren lässt",
    "verify.script.made_here.elsewhere": "anderswo signiert",
    "verify.script.made_here.untold": "lässt sich nicht sagen",
    "verify.script.error": "Das ging nicht",
    "verify.script.error.kind": "Das ist weder ein Video noch ein Bild, das sich prüfen lässt. Bitte eine Datei als "
    "JPEG, PNG, GIF, TIFF, WebP, HEIC, AVIF, MP4, MOV, WebM, MKV oder AVI wählen.",
    "verify.script.error.large": "Die Datei hat {size} MB; höchstens {most} MB lassen sich prüfen. Bitte ein kürzeres "
    "Stück oder eine kleinere Fassung wählen.",
    "verify.script.error.busy": "Gerade werden viele Dateien geprüft. Bitte in einer halben Minute erneut versuchen.",
    "verify.script.error.undecodable": "Die Datei ließ sich nicht prüfen: Das brauchte mehr Zeit, als es bei echten "
    "Dateien braucht. Bitte das Original wählen.",
    "verify.script.error.failed": "Die Datei ließ sich nicht prüfen. Bitte erneut versuchen.",
    "verify.script.error.lost": "Keine Verbindung zum Server. Bitte erneut versuchen.",
    "verify.script.error.gone": "Dieses Video gibt es hier nicht mehr, oder niemand darf es gerade sehen.",
    "verify.script.again": "Erneut versuchen",
    "verify.script.fetching": "Video wird geholt",
    "share.synthetic": "Vom Computer gemacht: Bild und Bewegungen in diesem Video wurden künstlich erzeugt oder "
    "manipuliert. Die Person hat das vielleicht nie gesagt.",
    "share.marks.credentials_watermark": "Es trägt Content Credentials, einen signierten Vermerk, wie es entstand, "
    "und ein unsichtbares Wasserzeichen.",
    "share.marks.credentials": "Es trägt Content Credentials, einen signierten Vermerk, wie es entstand, aber kein "
    "Wasserzeichen.",
    "share.marks.watermark": "Es trägt ein unsichtbares Wasserzeichen, aber keine Content Credentials.",
    "share.marks.none": "Es trägt weder Content Credentials noch ein Wasserzeichen.",
    "share.report": "Dieses Video melden",
    "share.hidden": "Dieses Video wird gerade geprüft",
    "share.hidden.detail": "Jemand hat es gemeldet. Niemand kann es sehen, bis der Betreiber dieser Seite entschieden "
    "hat.",
    "share.check": "Dieses Video prüfen",
    "report.title": "Dieses Video melden",
    "report.lead": "Ein gemeldetes Video bleibt verborgen, bis der Betreiber dieser Seite es angesehen hat. Wer du "
    "bist, wird nicht gespeichert.",
    "report.reason": "Was stimmt damit nicht?",
    "report.reason.consent": "Es zeigt mich oder jemand anderen ohne Einwilligung",
    "report.reason.deception": "Es täuscht: Es gibt sich als echt aus oder als jemandes eigene Worte",
    "report.reason.abuse": "Es demütigt, bedroht oder ist sexuell",
    "report.reason.law": "Es verstößt auf andere Weise gegen das Gesetz",
    "report.reason.other": "Etwas anderes",
    "report.text": "Was sollten wir wissen? (freiwillig)",
    "report.limit": "Bis zu {characters} Zeichen. Wer eine Antwort möchte, schreibt dazu, wie er zu erreichen ist.",
    "report.send": "Melden",
    "report.back": "Zurück zum Video",
    "report.thanks": "Danke",
    "report.thanks.detail": "Deine Meldung ist da. Der Betreiber dieser Seite sieht sich das Video an.",
    "report.wrong": "Bitte einen Grund wählen und höchstens {characters} Zeichen schreiben.",
    "report.failed": "Deine Meldung ließ sich nicht festhalten",
    "report.failed.detail": "Diese Seite hat gerade keinen Platz dafür. Bitte später erneut versuchen oder dem "
    "Betreiber dieser Seite schreiben.",
    "report.limited": "Du hast schon mehrere Videos gemeldet",
    "report.limited.detail": "Dieses ist noch nicht gemeldet. Bitte in {time} erneut versuchen oder dem Betreiber "
    "dieser Seite schreiben.",
}
