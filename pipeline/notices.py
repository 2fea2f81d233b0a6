"""What can be said about an input, each sentence once.

A notice is a code, the field it is about and its values; its English sentence is made from the table here. Pages in
other languages bring a table of their own, keyed by the same codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Field = Literal[
    "image", "audio", "profile", "model", "prompt", "start_sec", "max_duration_sec", "seed", "aspect", "face", "crop",
    "num_inference_steps", "guidance_scale", "audio_guidance_scale", "speakers", "order", "turns", "num_speakers",
    "label", "consent", "callback_url", "image_url", "audio_url", "request",
]  # fmt: skip
Value = str | int | float
Person = Literal["face", "speaker"]

OF_PERSONS: dict[Person, str] = {"face": "Face {number}: {sentence}", "speaker": "Speaker {number}: {sentence}"}
"""Of whom a sentence is, where there are several."""

TEXTS: dict[str, str] = {
    "audio.cannot_open": "The recording cannot be opened. Check that the file exists and may be read.",
    "audio.empty_file": "The recording is empty. Choose another file or record again.",
    "audio.too_many_bytes": "The recording has {megabytes} MB; at most {limit_megabytes} MB are accepted. "
    "Save it as MP3 or M4A, or cut it.",
    "audio.too_long": "The recording is longer than {limit_minutes} minutes, the most that is accepted. Cut it.",
    "audio.unknown_format": "This is no recording of a known kind. Use WAV, MP3, M4A, AAC, OGG, Opus, FLAC, WebM, or "
    "the sound of a video: MP4, MOV, 3GP, MKV, AVI, FLV, MPG or TS.",
    "audio.unreadable": "The recording is damaged: nothing in it can be played. Save it again, or use another format.",
    "audio.no_sound": "The file has no sound. Choose a recording, or a video with sound.",
    "audio.unknown_codec": "The sound inside of the file is of a kind that is not accepted ({codec}). Save it as WAV, "
    "MP3 or M4A.",
    "audio.unusual": "Expected 1 to 8 channels at 4 to 192 kHz, got {num_channels} at {sampling_rate} Hz. Save the "
    "recording again at 48 kHz.",
    "audio.too_short": "The recording is {total} seconds long; at least 1 second is needed. Record a longer one.",
    "audio.start_invalid": "The start must be 0 seconds or later, got {start}.",
    "audio.length_invalid": "The length must be at least 1 second, got {length}.",
    "audio.start_beyond_end": "The start, {start} seconds, lies beyond the end of the recording ({total} seconds). "
    "Begin earlier.",
    "audio.part_too_short": "Less than 1 second is left after {start} seconds; the recording ends at {total}. Begin "
    "earlier.",
    "audio.silent": "The recording is silent. Check the microphone and record again.",
    "audio.no_speech": "No speech was found in the recording. The mouth moves with what sounds like a voice, such as "
    "singing or music.",
    "audio.other_track": "Track {track} of the file is used; the one that players choose is silent or has less speech.",
    "audio.clipped": "The recording is too loud and distorted (clipped). Record again farther from the microphone.",
    "audio.quiet": "The recording is very quiet ({decibels} dB). Record again closer to the microphone.",
    "audio.damaged": "Some of the recording is damaged and was left out. Listen to the result.",
    "audio.undecodable": "The recording could not be read: it took more time or memory than ten minutes of voice take, "
    "or the program that read it crashed. Save it again as WAV, MP3 or M4A.",
    "turns.num_speakers": "Expected 1 to {most} people, as a whole number, got {value}. Say how many speak, or leave "
    "it out to have it estimated.",
    "profile.unknown": "There is no profile {profile}. Choose one of: {known}.",
    "url.unreadable": "Expected an address such as https://example.com/path, in full and without spaces.",
    "url.too_long": "Expected an address of at most {most} characters.",
    "url.user": "Expected an address without a user name and a password. Put what the host needs into path or query.",
    "url.not_https": "Expected an address that begins with https://; others are for hosts that whoever runs the app "
    "has named.",
    "url.port": "Expected port 443, or one from 1024 on at which a web server listens; got {port}.",
    "url.disguised": "Expected an IP address in full, such as 203.0.113.5, without zeros before its numbers.",
    "url.private": "Expected the address of a host on the public Internet; this one is on a private network. Whoever "
    "runs the app can name hosts that may be.",
    "url.no_name": "The name in the address has no IP address. Check how it is spelled.",
    "url.leads_inside": "The name in the address leads to a private network. Give one on the public Internet.",
    "url.no_connection": "The address's host cannot be connected to. Check that it can be reached from anywhere.",
    "url.connection_lost": "The address's host broke the connection off. Try again later.",
    "url.certificate": "The certificate of the address's host is not valid for its name. It needs one that browsers "
    "accept, with all that lead to its authority.",
    "url.no_answer": "The address's host did not answer in full within {seconds} seconds.",
    "url.no_http": "The address's host answered with something else than HTTP, broke off, or sent much more than its "
    "answer.",
    "url.redirects": "The address redirects to another, which is not followed. Give the one that it leads to.",
    "url.status": "The file could not be fetched: its host answered {status}. Give an address that answers 200 to "
    "anyone who asks.",
    "url.too_many_bytes": "The file has more than the {most} MB that are accepted. Make it smaller.",
    "request.out_of_range": "{field} must be from {lowest} to {highest}, got {value}.",
    "request.prompt_too_long": "The prompt has {length} characters; at most {limit} are accepted. Shorten it.",
    "photo.cannot_open": "The photo cannot be opened. Check that the file exists and may be read.",
    "photo.empty": "Expected a photo, got an empty file. Choose it again.",
    "photo.format": "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture, got {kind}. Save the "
    "photo as JPEG or PNG.",
    "photo.damaged": "The picture's file is damaged or cut short. Send the original, or save it again as JPEG.",
    "photo.undecodable": "The picture could not be read: it took more time or memory than the largest photo takes, or "
    "the program that read it crashed. Save it again as JPEG or PNG.",
    "photo.too_many_bytes": "Expected a photo of at most {most} MB, got {megabytes} MB. Save it smaller, as JPEG.",
    "photo.too_many_pixels": "Expected a photo of at most {most} megapixels. Make it smaller; 2 megapixels are plenty.",
    "photo.too_small": "Expected a photo of at least {least} x {least} pixels, got {width} x {height}. "
    "Choose a larger one; 512 x 512 and more is best.",
    "photo.low_resolution": "The photo has {width} x {height} pixels; from {recommended} x {recommended} on the video "
    "looks sharper.",
    "photo.no_face": "No face was found. Choose a photo of one person who looks into the camera, upright, with the "
    "whole face in the light.",
    "photo.several_faces": "{count} faces were found; the largest will talk. Choose another one if you meant it.",
    "photo.face_too_small": "The face is only {value} pixels high, so the video will look soft. Choose a photo taken "
    "from closer.",
    "photo.face_too_small_error": "The face is only {value} pixels high; {least} are needed. Choose a photo taken from "
    "closer.",
    "photo.face_cut": "The face touches the photo's edge. A photo with the whole head and the shoulders looks better.",
    "photo.face_cut_error": "Part of the face lies outside of the photo. Choose one that shows the whole face.",
    "photo.face_turned": "The face is turned aside by about {value} degrees. One that looks into the camera talks more "
    "naturally.",
    "photo.face_turned_far": "The face is turned aside by about {value} degrees, too far for the preview. The model "
    "can make a video of it; one that looks into the camera talks more naturally.",
    "photo.face_turned_error": "The face is turned too far aside for the preview, by about {value} degrees. Choose a "
    "photo of a person who looks into the camera, or another profile.",
    "photo.face_tilted": "The head leans by about {value} degrees. An upright one talks more naturally.",
    "photo.face_tilted_error": "The head leans too far, by about {value} degrees. Choose a photo of an upright head.",
    "photo.turned": "The photo lay on its side or upside down, and was turned upright.",
    "photo.synthetic": "The photo says of itself that a computer made it; its marks are kept. If there is a camera's "
    "photo of the person, a video of that one looks more natural.",
    "photo.credentials": "The photo carries a signed note (Content Credentials), which stays in the video: whoever has "
    "the video can read it, perhaps with author, place, time and a small picture of the whole photo. If nobody "
    "should, use a copy without it, such as a screenshot.",
    "photo.mouth_covered": "The mouth seems to be covered, by a mask, a hand or a microphone perhaps; the video would "
    "paint one over it. Choose a photo that shows the whole mouth.",
    "photo.blurred": "The face is blurred, and so will the video be. A sharper photo looks better.",
    "photo.blurred_error": "The face is too blurred to work with. Choose a sharper photo.",
    "photo.too_dark": "The face is dark. A photo in even light looks better.",
    "photo.too_dark_error": "The face is too dark to work with. Choose a photo in even light.",
    "photo.too_bright": "The face is very bright. A photo in softer light looks better.",
    "photo.too_bright_error": "The face is too bright to work with. Choose a photo in softer light.",
    "face.out_of_range": "There is no face number {index}: {count} found, numbered from 0 to {last}. Choose one of "
    "them, or none for the largest.",
    "speakers.no_list": "Expected speakers as a list such as {like}, got {got}.",
    "speakers.no_object": "Expected speaker {number} as an object with face and voice, got {got}.",
    "speakers.unknown_name": "Speaker {number} has a field {name}, which there is not. Known are: {known}.",
    "speakers.no_value": "Speaker {number} has no {name}. Say which face it is, as POST /face-crop numbers them.",
    "speakers.wrong_value": "Speaker {number}: expected {wanted} as {name}.",
    "speakers.too_many": "Expected at most {most} speakers, got {count}. Let fewer talk.",
    "speakers.too_many_for_profile": "The profile {profile} lets at most {most} people talk, got {count} speakers. "
    "Name fewer, or choose another profile.",
    "speakers.face_twice": "Face {index} is to speak twice. Name each face once.",
    "speakers.out_of_range": "There is no face number {index}: {count} found, numbered from 0 to {last}. Choose among "
    "them.",
    "speakers.and_face": "Say who talks either by face or by speakers, not by both.",
    "speakers.file_missing": "Speaker {number} names the file {name}, which did not come. Send a file of that name, or "
    "correct the name.",
    "speakers.file_unused": "No speaker names the file {name}. Name it as a speaker's audio, or leave it out.",
    "speakers.some_voices": "Speaker {number} has no voice, but others have one of their own. Give each a voice, or "
    "none and one recording of all with turns.",
    "speakers.voice_twice": "Each speaker has a voice of his own, and there is one recording of all as well. Send "
    "either.",
    "speakers.no_voice": "There is no voice. Give each speaker one of his own, or send one recording of all with "
    "turns.",
    "speakers.no_turns": "One recording is to be spoken by {count} people. Say in turns who speaks when, or auto to "
    "have it found; or give each speaker a voice of his own.",
    "speakers.too_far_apart": "No frame holds the faces {faces} whole. Let fewer people talk, or choose a photo in "
    "which they are closer to one another.",
    "speakers.too_far_apart_for_shape": "No frame of the shape {aspect} holds the faces {faces} whole. Take the shape "
    "auto, or let fewer people talk.",
    "speakers.too_small": "In a frame that holds all speakers, these faces are too small to be seen talking: {faces} "
    "({pixels} pixels high; {least} are needed). Let fewer people talk, or choose a photo taken from closer.",
    "speakers.too_long": "One after the other, the recordings are {seconds} seconds long; at most {limit} are "
    "accepted. Shorten them.",
    "order.no_voices": "The order is that of recordings of the speakers' own, of which there are none. Leave it out.",
    "turns.no_list": "Expected turns as a list such as {like}, got {got}.",
    "turns.number": "Expected 1 to {most} turns, got {count}.",
    "turns.no_object": "Expected turn {number} as an object with speaker, start_sec and end_sec, got {got}.",
    "turns.unknown_name": "Turn {number} has a field {name}, which there is not. Known are: {known}.",
    "turns.no_value": "Turn {number} has no {name}. Give each turn a speaker, start_sec and end_sec.",
    "turns.wrong_value": "Turn {number}: expected {wanted} as {name}.",
    "turns.no_number": "Turn {number} begins or ends at no number. Give both in seconds.",
    "turns.backwards": "Turn {number} goes from {start} to {end} seconds. Let each begin at 0 or later, and end after "
    "it begins.",
    "turns.overlap": "The turns {first} and {second} overlap. Let one end before the other begins; who talk at the "
    "same time need a recording each.",
    "turns.beyond_end": "Turn {number} ends at {end} seconds, beyond the end of the recording ({total} seconds). End "
    "it earlier.",
    "turns.no_speaker": "Turn {number} is of speaker {named}, whom there is not: {count} named, numbered from 0. "
    "Name him, or correct the number.",
    "turns.no_speakers": "Turns need speakers. Say with speakers which faces talk.",
    "turns.with_voices": "Each speaker has a voice of his own, so there are no turns in one recording. Leave the "
    "turns out, or send one recording of all.",
    "people.untried": "Nobody has published a video of {count} people by this model. Try a few seconds first.",
    "crop.zoom": "Expected a zoom above 0, such as 1.5, got {zoom}.",
    "crop.shift": "Expected the crop's shift as two numbers, such as 0.1 and -0.05.",
    "consent.missing": "Consent is missing. Confirm that you may use this face and this voice, and will say that the "
    "video is made by a computer: send `consent` as true.",
    "request.large_file": "The file has {megabytes} MB; at most {limit} MB are accepted. Choose a smaller one.",
    "upload.unknown": "The file is neither a photo nor a recording or a video of a known kind. Send a JPEG or PNG, or "
    "a WAV, MP3, M4A or MP4.",
    "request.file_gone": "The uploaded file is gone. Choose it again.",
    "request.model_mismatch": "The profile {profile} belongs to the model {model}, but {asked} was asked for. Leave "
    "the model out, or name another profile.",
    "request.takes_too_long": "{seconds} seconds of voice with the profile {profile} would take about {hours} hours; "
    "at most {most} hours are possible here. Use at most {fitting} seconds of the voice, or another profile: "
    "{quicker}.",
    "request.takes_too_long_always": "The profile {profile} would take about {hours} hours; at most {most} hours are "
    "possible here. Choose another profile ({quicker}), or fewer steps.",
    "job.engine_failed": "{reason}",
    "job.out_of_memory": "There was not enough memory for this video. Use a shorter voice, or a smaller profile.",
    "job.killed": "The process that made the video was ended from outside, most likely because memory ran out. Use a "
    "shorter voice or a smaller profile, and try again.",
    "job.crashed": "The process that made the video crashed ({reason}). Try again; if it happens again, try another "
    "photo or recording.",
    "job.hung": "The process that made the video did nothing any more, several times, and was ended. Try again; if it "
    "happens again, try another photo or recording.",
    "job.interrupted": "The server stopped {attempts} times while it made this video, so it was given up. Try again "
    "with a shorter voice.",
    "job.unexpected": "Something unexpected went wrong; the server's log has the details. Try again.",
    "remote.crashed": "The GPU stopped {attempts} times while it made this video, so it was given up; most likely its "
    "memory ran out. Use a shorter voice or a smaller profile.",
    "remote.expired": "The video was finished so long ago that it is gone. Make it again.",
    "remote.files_missing": "The GPU did not find the photo and the voice. Make the video again.",
    "remote.lost": "The GPU could not be started, or crashed; the log of the deployment has the details. Try again.",
    "remote.not_started": "The GPU could not be made ready {attempts} times and was given up: {reason} Whoever runs "
    "the app finds more in the deployment's log.",
    "remote.time_limit": "The video was not done after {minutes} minutes, several times what it was expected to take, "
    "so its run was ended. Try again, with a shorter voice or a quicker profile.",
    "remote.timeout": "The GPU took longer than the deployment allows. Use a shorter voice or a quicker profile.",
    "verify.undecodable": "The file could not be checked: that took more time or memory than any real one takes. Send "
    "the original.",
}


@dataclass(frozen=True)
class Notice:
    """One thing found in an input, as an error or as a warning.

    Attributes:
        code: Key of the sentence, e.g. `photo.no_face`.
        about: The request's field that the notice is about.
        values: What the sentence mentions.
    """

    code: str
    about: Field
    values: dict[str, Value] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence in English: what was expected, what came, what to do."""
        try:
            return self.tell(TEXTS[self.code].format(**self.values), OF_PERSONS)
        except KeyError:  # a newer version wrote it into the record of a job
            return f"This version has no sentence for '{self.code}'."

    def name(self, person: Person, number: int) -> "Notice":
        """Return the notice as that of one person among several."""
        return Notice(self.code, self.about, self.values | {person: number})

    def tell(self, sentence: str, of_persons: Mapping[Person, str]) -> str:
        """Return its sentence with the person's number before it, where it is about one of several."""
        for person, form in of_persons.items():
            if person in self.values:
                return form.format(number=self.values[person], sentence=sentence)
        return sentence
