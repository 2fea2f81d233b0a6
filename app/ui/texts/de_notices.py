"""What can be said about an input, in German, by the codes of `pipeline.notices`."""

from pipeline.notices import Person

TEXTS: dict[str, str] = {
    "audio.cannot_open": "Die Aufnahme lässt sich nicht öffnen. Bitte prüfen, ob es die Datei gibt und sie lesbar ist.",
    "photo.face_tilted": "Der Kopf ist um etwa {value} Grad geneigt. Aufrecht wirkt das Sprechen natürlicher.",
    "photo.face_tilted_error": "Der Kopf ist mit etwa {value} Grad zu weit geneigt. Bitte ein Foto mit aufrechtem "
    "Kopf wählen.",
    "photo.synthetic": "Das Foto sagt von sich, dass es von einem Computer stammt; seine Kennzeichen bleiben erhalten. "
    "Mit einem Kamerafoto der Person wirkt das Video natürlicher.",
    "photo.credentials": "Das Foto trägt einen signierten Vermerk (Content Credentials), der im Video bleibt: Wer das "
    "Video hat, kann ihn lesen, womöglich mit Urheber, Ort, Zeit und einem kleinen Bild des ganzen Fotos. Soll das "
    "niemand, bitte eine Kopie ohne ihn nehmen, etwa ein Bildschirmfoto.",
    "photo.turned": "Das Foto lag auf der Seite oder auf dem Kopf und wurde aufgerichtet.",
    "audio.empty_file": "Die Aufnahme ist leer. Bitte eine andere Datei wählen oder neu aufnehmen.",
    "audio.too_many_bytes": "Die Aufnahme hat {megabytes} MB; höchstens {limit_megabytes} MB sind möglich. Bitte als "
    "MP3 oder M4A speichern oder kürzen.",
    "audio.too_long": "Die Aufnahme ist länger als {limit_minutes} Minuten; mehr geht nicht. Bitte kürzen.",
    "audio.unknown_format": "Dieses Format wird nicht erkannt. Möglich sind WAV, MP3, M4A, AAC, OGG, Opus, FLAC, WebM "
    "oder der Ton eines Videos: MP4, MOV, 3GP, MKV, AVI, FLV, MPG oder TS.",
    "audio.unreadable": "Die Aufnahme ist beschädigt: Nichts darin lässt sich abspielen. Bitte neu speichern oder ein "
    "anderes Format wählen.",
    "audio.no_sound": "Die Datei hat keinen Ton. Bitte eine Aufnahme oder ein Video mit Ton wählen.",
    "audio.unknown_codec": "Das Tonformat in der Datei wird nicht unterstützt ({codec}). Bitte als WAV, MP3 oder M4A "
    "speichern.",
    "audio.unusual": "Die Aufnahme hat {num_channels} Kanäle mit {sampling_rate} Hz; möglich sind 1 bis 8 Kanäle mit "
    "4 bis 192 kHz. Bitte mit 48 kHz neu speichern.",
    "audio.too_short": "Die Aufnahme dauert {total} Sekunden; mindestens 1 Sekunde ist nötig. Bitte länger aufnehmen.",
    "audio.start_invalid": "Der Anfang muss bei 0 Sekunden oder später liegen, nicht bei {start}.",
    "audio.length_invalid": "Die Länge muss mindestens 1 Sekunde betragen, nicht {length}.",
    "audio.start_beyond_end": "Der Anfang, {start} Sekunden, liegt hinter dem Ende der Aufnahme ({total} Sekunden). "
    "Bitte früher beginnen.",
    "audio.part_too_short": "Nach {start} Sekunden bleibt weniger als 1 Sekunde; die Aufnahme endet bei {total}. "
    "Bitte früher beginnen.",
    "audio.silent": "Die Aufnahme ist still. Bitte das Mikrofon prüfen und neu aufnehmen.",
    "audio.no_speech": "In der Aufnahme wurde keine Sprache gefunden. Der Mund bewegt sich zu dem, was wie eine Stimme "
    "klingt, etwa Gesang oder Musik.",
    "audio.other_track": "Verwendet wird Tonspur {track} der Datei; die, die sonst zu hören ist, ist still oder "
    "enthält weniger Sprache.",
    "audio.clipped": "Die Aufnahme ist zu laut und verzerrt. Bitte mit mehr Abstand zum Mikrofon neu aufnehmen.",
    "audio.quiet": "Die Aufnahme ist sehr leise ({decibels} dB). Bitte näher am Mikrofon neu aufnehmen.",
    "audio.damaged": "Ein Teil der Aufnahme ist beschädigt und wurde ausgelassen. Bitte das Ergebnis anhören.",
    "turns.num_speakers": "Erwartet werden 1 bis {most} Personen als ganze Zahl, nicht {value}. Bitte angeben, wie "
    "viele sprechen, oder weglassen, damit die Zahl geschätzt wird.",
    "profile.unknown": "Es gibt kein Profil {profile}. Zur Wahl stehen: {known}.",
    "url.unreadable": "Erwartet wird eine vollständige Adresse wie https://example.com/pfad, ohne Leerzeichen.",
    "url.too_long": "Eine Adresse darf höchstens {most} Zeichen haben.",
    "url.user": "Eine Adresse darf keinen Benutzernamen und kein Passwort enthalten. Was der Server braucht, gehört in "
    "Pfad oder Abfrage.",
    "url.not_https": "Eine Adresse muss mit https:// beginnen; anderes ist Servern vorbehalten, die der Betreiber "
    "genannt hat.",
    "url.port": "Möglich ist Port 443 oder einer ab 1024, an dem ein Webserver antwortet, nicht {port}.",
    "url.disguised": "Eine IP-Adresse muss vollständig geschrieben sein, etwa 203.0.113.5, ohne führende Nullen.",
    "url.private": "Die Adresse muss im öffentlichen Internet liegen; diese gehört zu einem privaten Netz. Ausnahmen "
    "kann der Betreiber nennen.",
    "url.no_name": "Der Name in der Adresse hat keine IP-Adresse. Bitte die Schreibweise prüfen.",
    "url.leads_inside": "Der Name in der Adresse führt in ein privates Netz. Bitte eine Adresse im öffentlichen "
    "Internet angeben.",
    "url.no_connection": "Unter der Adresse ist keine Verbindung möglich. Bitte prüfen, ob sie von überall erreichbar "
    "ist.",
    "url.connection_lost": "Die Gegenseite hat die Verbindung abgebrochen. Bitte später noch einmal versuchen.",
    "url.certificate": "Das Zertifikat der Gegenseite gilt nicht für ihren Namen. Nötig ist eines, das Browser "
    "anerkennen, mit allen bis zu seiner Zertifizierungsstelle.",
    "url.no_answer": "Die Gegenseite hat innerhalb von {seconds} Sekunden nicht vollständig geantwortet.",
    "url.no_http": "Die Gegenseite antwortete nicht mit HTTP, brach ab oder schickte viel mehr als ihre Antwort.",
    "url.redirects": "Die Adresse leitet auf eine andere weiter, der nicht gefolgt wird. Bitte gleich diese angeben.",
    "url.status": "Die Datei ließ sich nicht abholen: Der Server antwortete mit {status}. Bitte eine Adresse angeben, "
    "die allen mit 200 antwortet.",
    "url.too_many_bytes": "Die Datei hat mehr als die möglichen {most} MB. Bitte verkleinern.",
    "request.out_of_range": "{field} muss zwischen {lowest} und {highest} liegen, nicht bei {value}.",
    "request.prompt_too_long": "Die Beschreibung hat {length} Zeichen; höchstens {limit} sind möglich. Bitte kürzen.",
    "consent.missing": "Die Zustimmung fehlt. Bitte bestätigen, dass dieses Gesicht und diese Stimme verwendet werden "
    "dürfen und dazugesagt wird, dass ein Computer das Video gemacht hat.",
    "request.large_file": "Die Datei hat {megabytes} MB; höchstens {limit} MB sind möglich. Bitte eine kleinere "
    "wählen.",
    "upload.unknown": "Die Datei ist weder ein Foto noch eine Aufnahme oder ein Video einer bekannten Art. Bitte JPEG "
    "oder PNG senden, oder WAV, MP3, M4A oder MP4.",
    "request.file_gone": "Die hochgeladene Datei ist nicht mehr da. Bitte noch einmal auswählen.",
    "request.model_mismatch": "Das Profil {profile} gehört zum Modell {model}, verlangt war {asked}. Das Modell "
    "weglassen oder ein anderes Profil nennen.",
    "photo.empty": "Die Fotodatei ist leer. Bitte noch einmal auswählen.",
    "photo.format": "Die Datei ist {kind}, kein Foto als PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP oder TIFF. Bitte als "
    "JPEG oder PNG speichern.",
    "audio.undecodable": "Die Aufnahme ließ sich nicht lesen: Sie brauchte mehr Zeit oder Speicher als zehn Minuten "
    "Stimme, oder das Leseprogramm ist abgestürzt. Bitte neu als WAV, MP3 oder M4A speichern.",
    "photo.cannot_open": "Das Foto lässt sich nicht öffnen. Bitte prüfen, ob es die Datei gibt und sie lesbar ist.",
    "photo.undecodable": "Das Bild ließ sich nicht lesen: Es brauchte mehr Zeit oder Speicher als das größte Foto, "
    "oder das Leseprogramm ist abgestürzt. Bitte neu als JPEG oder PNG speichern.",
    "photo.damaged": "Die Bilddatei ist beschädigt oder unvollständig. Bitte das Original nehmen oder neu als JPEG "
    "speichern.",
    "photo.too_many_bytes": "Das Foto hat {megabytes} MB; höchstens {most} MB sind möglich. Bitte kleiner speichern, "
    "als JPEG.",
    "photo.too_many_pixels": "Das Foto hat mehr als {most} Megapixel. Bitte verkleinern; 2 Megapixel genügen.",
    "photo.too_small": "Das Foto hat {width} × {height} Pixel; mindestens {least} × {least} sind nötig. Bitte ein "
    "größeres wählen; ab 512 × 512 wird es gut.",
    "photo.low_resolution": "Das Foto hat {width} × {height} Pixel; ab {recommended} × {recommended} wird das Video "
    "schärfer.",
    "photo.no_face": "Es wurde kein Gesicht gefunden. Bitte ein Foto einer Person wählen, die aufrecht in die Kamera "
    "schaut, das ganze Gesicht im Licht.",
    "photo.several_faces": "{count} Gesichter wurden gefunden; das größte spricht. Bitte ein anderes wählen, falls es "
    "gemeint ist.",
    "photo.face_too_small": "Das Gesicht ist nur {value} Pixel hoch, das Video wird deshalb weich. Besser ist ein "
    "Foto aus der Nähe.",
    "photo.face_too_small_error": "Das Gesicht ist nur {value} Pixel hoch; {least} sind nötig. Bitte ein Foto aus der "
    "Nähe wählen.",
    "photo.face_cut": "Das Gesicht berührt den Rand des Fotos. Mit ganzem Kopf und Schultern sieht es besser aus.",
    "photo.face_cut_error": "Ein Teil des Gesichts liegt außerhalb des Fotos. Bitte eines mit dem ganzen Gesicht "
    "wählen.",
    "photo.face_turned": "Das Gesicht ist um etwa {value} Grad zur Seite gedreht. Mit Blick in die Kamera wirkt das "
    "Sprechen natürlicher.",
    "photo.face_turned_far": "Das Gesicht ist um etwa {value} Grad zur Seite gedreht, zu weit für die Vorschau. Die "
    "anderen Qualitäten können es; mit Blick in die Kamera wirkt das Sprechen natürlicher.",
    "photo.face_turned_error": "Das Gesicht ist mit etwa {value} Grad zu weit zur Seite gedreht für die Vorschau. "
    "Bitte ein Foto wählen, auf dem die Person in die Kamera schaut, oder eine andere Qualität.",
    "photo.mouth_covered": "Der Mund scheint verdeckt zu sein, etwa von einer Maske, einer Hand oder einem Mikrofon; "
    "das Video würde einen darüber malen. Bitte ein Foto wählen, auf dem der ganze Mund zu sehen ist.",
    "photo.blurred": "Das Gesicht ist unscharf, und das Video wird es auch. Ein schärferes Foto sieht besser aus.",
    "photo.blurred_error": "Das Gesicht ist zu unscharf. Bitte ein schärferes Foto wählen.",
    "photo.too_dark": "Das Gesicht ist dunkel. Ein Foto in gleichmäßigem Licht sieht besser aus.",
    "photo.too_dark_error": "Das Gesicht ist zu dunkel. Bitte ein Foto in gleichmäßigem Licht wählen.",
    "photo.too_bright": "Das Gesicht ist sehr hell. Ein Foto in weicherem Licht sieht besser aus.",
    "photo.too_bright_error": "Das Gesicht ist zu hell. Bitte ein Foto in weicherem Licht wählen.",
    "face.out_of_range": "Es gibt kein Gesicht mit der Nummer {index}: {count} gefunden, gezählt von 1 bis {last}. "
    "Bitte eines davon angeben, oder keines für das größte.",
    "speakers.no_list": "Erwartet wird eine Liste der Sprechenden wie {like}, angegeben ist {got}.",
    "speakers.no_object": "Sprecher {number} muss ein Objekt mit Gesicht und Stimme sein, angegeben ist {got}.",
    "speakers.unknown_name": "Sprecher {number} hat ein Feld {name}, das es nicht gibt. Bekannt sind: {known}.",
    "speakers.no_value": "Bei Sprecher {number} fehlt {name}. Bitte angeben, welches Gesicht es ist, mit den Nummern "
    "von POST /face-crop.",
    "speakers.wrong_value": "Sprecher {number}: Als {name} wird {wanted} erwartet.",
    "speakers.too_many": "Höchstens {most} können sprechen, angegeben sind {count}. Bitte weniger sprechen lassen.",
    "speakers.too_many_for_profile": "Mit der Qualität {profile} können höchstens {most} sprechen, angegeben sind "
    "{count}. Bitte weniger sprechen lassen oder eine andere Qualität wählen.",
    "speakers.face_twice": "Gesicht {index} soll zweimal sprechen. Bitte jedes Gesicht nur einmal nennen.",
    "speakers.out_of_range": "Ein Gesicht mit der Nummer {index} gibt es nicht: {count} gefunden, nummeriert von 1 bis "
    "{last}. Bitte unter ihnen wählen.",
    "speakers.and_face": "Wer spricht, sagt entweder face oder speakers. Bitte nur eines von beiden angeben.",
    "speakers.file_missing": "Sprecher {number} nennt die Datei {name}, die nicht kam. Bitte eine Datei dieses Namens "
    "senden oder den Namen berichtigen.",
    "speakers.file_unused": "Kein Sprecher nennt die Datei {name}. Bitte als Stimme eines Sprechers angeben oder "
    "weglassen.",
    "speakers.some_voices": "Sprecher {number} hat keine Stimme, andere haben eine eigene. Bitte allen eine Stimme "
    "geben, oder keinem und eine Aufnahme von allen senden.",
    "speakers.voice_twice": "Jeder Sprecher hat eine eigene Stimme, und es gibt außerdem eine Aufnahme von allen. "
    "Bitte nur eines von beiden senden.",
    "speakers.no_voice": "Es gibt keine Stimme. Bitte jedem Sprecher eine eigene geben, oder eine Aufnahme von allen "
    "senden und sagen, wer wann spricht.",
    "speakers.no_turns": "Eine Aufnahme soll von {count} Personen gesprochen werden. Bitte sagen, wer wann spricht, "
    "oder es finden lassen; oder jedem eine eigene Stimme geben.",
    "speakers.too_far_apart": "Kein Bildausschnitt zeigt die Gesichter {faces} ganz. Bitte weniger sprechen lassen "
    "oder ein Foto wählen, auf dem sie näher beieinander sind.",
    "speakers.too_far_apart_for_shape": "Kein Bildausschnitt im Format {aspect} zeigt die Gesichter {faces} ganz. "
    "Bitte das Format auto wählen oder weniger sprechen lassen.",
    "speakers.too_small": "In einem Bild, das alle Sprechenden zeigt, sind diese Gesichter zu klein: {faces} ({pixels} "
    "Pixel hoch; {least} sind nötig). Bitte weniger sprechen lassen oder ein Foto aus der Nähe wählen.",
    "speakers.too_long": "Nacheinander sind die Aufnahmen {seconds} Sekunden lang; höchstens {limit} sind möglich. "
    "Bitte kürzen.",
    "order.no_voices": "Die Reihenfolge gilt für eigene Aufnahmen der Sprechenden, und es gibt keine. Bitte weglassen.",
    "turns.no_list": "Erwartet wird eine Liste, wer wann spricht, wie {like}; angegeben ist {got}.",
    "turns.number": "Möglich sind 1 bis {most} Abschnitte, angegeben sind {count}.",
    "turns.no_object": "Abschnitt {number} muss ein Objekt mit speaker, start_sec und end_sec sein, angegeben ist "
    "{got}.",
    "turns.unknown_name": "Abschnitt {number} hat ein Feld {name}, das es nicht gibt. Bekannt sind: {known}.",
    "turns.no_value": "Bei Abschnitt {number} fehlt {name}. Bitte bei jedem speaker, start_sec und end_sec angeben.",
    "turns.wrong_value": "Abschnitt {number}: Als {name} wird {wanted} erwartet.",
    "turns.no_number": "Abschnitt {number} beginnt oder endet bei etwas, das keine Zahl ist. Bitte Sekunden angeben.",
    "turns.backwards": "Abschnitt {number} geht von {start} bis {end} Sekunden. Bitte frühestens bei 0 beginnen und "
    "nach dem Beginn enden.",
    "turns.overlap": "Die Abschnitte {first} und {second} überschneiden sich. Bitte einen enden lassen, bevor der "
    "andere beginnt; wer gleichzeitig spricht, braucht eine eigene Aufnahme.",
    "turns.beyond_end": "Abschnitt {number} endet bei {end} Sekunden, nach dem Ende der Aufnahme ({total} Sekunden). "
    "Bitte früher enden lassen.",
    "turns.no_speaker": "Abschnitt {number} gehört Sprecher {named}, den es nicht gibt: {count} angegeben, nummeriert "
    "ab 1. Bitte ihn angeben oder die Nummer berichtigen.",
    "turns.no_speakers": "Wer wann spricht, braucht Sprechende. Bitte angeben, welche Gesichter sprechen.",
    "turns.with_voices": "Jeder Sprecher hat eine eigene Stimme, also gibt es keine Abschnitte einer gemeinsamen "
    "Aufnahme. Bitte sie weglassen oder eine Aufnahme von allen senden.",
    "people.untried": "Mit {count} Personen hat noch niemand ein Video dieses Modells veröffentlicht. Bitte zuerst "
    "einige Sekunden versuchen.",
    "crop.zoom": "Die Vergrößerung muss über 0 liegen, etwa bei 1,5, nicht bei {zoom}.",
    "crop.shift": "Die Verschiebung besteht aus zwei Zahlen, etwa 0,1 und -0,05.",
    "request.takes_too_long": "{seconds} Sekunden Stimme mit der Qualität {profile} würden etwa {hours} Stunden "
    "dauern; höchstens {most} sind hier möglich. Bitte höchstens {fitting} Sekunden der Stimme nehmen, oder eine "
    "andere Qualität: {quicker}.",
    "request.takes_too_long_always": "Die Qualität {profile} würde etwa {hours} Stunden dauern; höchstens {most} sind "
    "hier möglich. Bitte eine andere Qualität wählen ({quicker}), oder weniger Schritte.",
    "job.engine_failed": "{reason}",
    "job.out_of_memory": "Der Speicher reichte für dieses Video nicht. Bitte eine kürzere Stimme oder eine niedrigere "
    "Qualität wählen.",
    "job.killed": "Der Prozess, der das Video machte, wurde von außen beendet, wahrscheinlich aus Mangel an Speicher. "
    "Bitte mit kürzerer Stimme oder niedrigerer Qualität erneut versuchen.",
    "job.crashed": "Der Prozess, der das Video machte, ist abgestürzt ({reason}). Bitte erneut versuchen; hilft das "
    "nicht, ein anderes Foto oder eine andere Aufnahme.",
    "job.hung": "Der Prozess, der das Video machte, tat mehrmals nichts mehr und wurde beendet. Bitte erneut "
    "versuchen; hilft das nicht, ein anderes Foto oder eine andere Aufnahme nehmen.",
    "job.interrupted": "Der Server hielt {attempts}-mal an, während er dieses Video machte; es wurde aufgegeben. "
    "Bitte mit kürzerer Stimme erneut versuchen.",
    "job.unexpected": "Etwas Unerwartetes ging schief; Näheres steht im Protokoll des Servers. Bitte erneut versuchen.",
    "remote.crashed": "Die GPU hielt {attempts}-mal an, während sie dieses Video machte; es wurde aufgegeben. "
    "Wahrscheinlich reichte ihr Speicher nicht. Bitte eine kürzere Stimme oder eine niedrigere Qualität wählen.",
    "remote.expired": "Das Video war vor so langer Zeit fertig, dass es gelöscht ist. Bitte neu erstellen.",
    "remote.files_missing": "Die GPU fand Foto und Stimme nicht. Bitte das Video neu erstellen.",
    "remote.lost": "Die GPU ließ sich nicht starten oder ist abgestürzt; Näheres steht im Protokoll der "
    "Bereitstellung. Bitte erneut versuchen.",
    "remote.time_limit": "Das Video war nach {minutes} Minuten nicht fertig, einem Mehrfachen der erwarteten Zeit; "
    "es wurde abgebrochen. Bitte erneut versuchen, mit kürzerer Stimme oder schnellerer Qualität.",
    "remote.not_started": "Die GPU ließ sich {attempts}-mal nicht in Betrieb nehmen und wurde aufgegeben: {reason} Wer "
    "die App betreibt, findet mehr im Protokoll der Bereitstellung.",
    "remote.timeout": "Die GPU brauchte länger, als die Bereitstellung erlaubt. Bitte eine kürzere Stimme oder eine "
    "schnellere Qualität wählen.",
    "verify.undecodable": "Die Datei ließ sich nicht prüfen: Das brauchte mehr Zeit oder Speicher, als es bei echten "
    "Dateien braucht. Bitte das Original schicken.",
}

OF_PERSONS: dict[Person, str] = {"face": "Person {number}: {sentence}", "speaker": "Stimme {number}: {sentence}"}

KINDS: dict[str, str] = {
    "a camera's raw file": "eine Rohdatei einer Kamera",
    "a PDF": "ein PDF",
    "an SVG": "ein SVG",
    "a video": "ein Video",
    "a sound or video": "eine Ton- oder Videodatei",
    "a sound": "eine Tondatei",
    "another kind of file": "von anderer Art",
}

REASONS: dict[str, str] = {
    "It needs {library}, which is not installed: pip install -r requirements/model.txt.": "Dafür fehlt {library}: pip "
    "install -r requirements/model.txt.",
    "It needs the LoRA {name}: put its file into loras/{folder} in the weights.": "Dafür fehlt die LoRA {name}: ihre "
    "Datei gehört zu den Gewichten, in loras/{folder}.",
    "It needs {wanted} GPUs by its settings, but {found} are there.": "Eingestellt sind {wanted} GPUs, vorhanden sind "
    "{found}.",
    "It needs the model's weights, which are not on this machine.": "Es braucht die Gewichte des Modells, die hier "
    "nicht liegen.",
    "It needs an NVIDIA GPU with 80 GB, or a GPU in the cloud: see docs/deploy.md.": "Es braucht eine NVIDIA-GPU mit "
    "80 GB oder eine GPU in der Cloud, siehe docs/deploy.md.",
    "The model's weights are missing. Fetch them:": "Die Gewichte des Modells fehlen. So kommen sie her:",
    "There are two ways to use it: deploy the app to Modal with `modal deploy deploy.py`, or run it on a machine with "
    "an NVIDIA GPU and the model's weights. The preview works everywhere.": "Zwei Wege führen hin: die App mit `modal "
    "deploy deploy.py` bei Modal starten, oder einen Rechner mit NVIDIA-GPU und den Gewichten des Modells nehmen. Die "
    "Vorschau geht überall.",
}
