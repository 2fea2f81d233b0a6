// The page that tells how a picture or a video was made. What a file says of itself is shown as text, never as HTML.

const check = document.querySelector("#check");
const answer = document.querySelector("#answer");
const input = document.querySelector("#file");
const drop = document.querySelector(".drop");
const shown = document.querySelector(".shown");
const heard = document.querySelector("#heard");
const sketch = [...shown.childNodes];
const words = JSON.parse(check.dataset.words);
const most = JSON.parse(check.dataset.most);
const language = document.documentElement.lang;
const MEGABYTE = 1e6;

const HEADS = [[0, "\xff\xd8\xff", "image"], [0, "\x89PNG", "image"], [0, "GIF8", "image"], [0, "II*\0", "image"], [0, "MM\0*", "image"], [8, "WEBP", "image"], [8, "AVI ", "video"], [0, "\x1aE\xdf\xa3", "video"], ...["moov", "mdat", "wide", "free", "skip", "pnot"].map((name) => [4, name, "video"])];
const PICTURES = ["avif", "avis", "heic", "heix", "heim", "heis", "mif1", "msf1"];

let request = null;
let latest = null;
let address = "";

function say(key, values = {}) {
  return words[key].replace(/{(\w+)}/g, (_, name) => values[name]);
}

function make(name, text = "", about = {}) {
  const element = Object.assign(document.createElement(name), about);
  element.append(text);
  return element;
}

function number(value, digits = 0) {
  return value.toLocaleString(language, { maximumFractionDigits: digits });
}

/** Shows a state of the answer, and has its first sentences read out. */
function show(state, title, sentences, ...rest) {
  answer.dataset.state = state;
  answer.replaceChildren(make("h2", title), ...sentences.map((sentence) => make("p", sentence)), ...rest);
  heard.textContent = [`${title}.`, ...sentences].join(" ");
}

function showError(key, values, file) {
  const again = file ? [make("button", say("again"), { type: "button", className: "button", onclick: () => send(...file) })] : [];
  show("error", say("error"), [say(`error.${key}`, values)], ...again);
}

/** Returns whether a file is a picture or a video, by its first bytes: names and types may be wrong or missing. */
async function findKind(file) {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  if (head.slice(4, 8) === "ftyp") return PICTURES.includes(head.slice(8, 12)) ? "image" : "video";
  return HEADS.find(([place, bytes]) => head.startsWith(bytes, place))?.[2];
}

async function take(file) {
  if (!file) return;
  request?.abort();
  showFile(null);
  latest = file;
  const kind = await findKind(file).catch(() => undefined);
  if (latest !== file) return;
  if (!kind) return showError("kind");
  showFile(file, kind);
  if (file.size > most[kind]) return showError("large", { size: number(file.size / MEGABYTE, 1), most: number(most[kind] / MEGABYTE, 1) });
  send(file, kind);
}

function showFile(file, kind) {
  URL.revokeObjectURL(address);
  delete shown.dataset.unseen;
  if (!file) return shown.replaceChildren(...sketch);
  drop.querySelector("b").textContent = say("another");
  address = URL.createObjectURL(file);
  const about = kind === "video" ? { muted: true, playsInline: true, preload: "metadata" } : { alt: "" };
  const picture = make(kind === "video" ? "video" : "img", "", about);
  picture.onerror = () => { shown.dataset.unseen = ""; shown.replaceChildren(...sketch); };
  picture.src = address;
  shown.replaceChildren(picture);
}

function send(file, kind) {
  const bar = make("progress", "", { max: 100, value: 0 });
  const percent = make("p", say("sent", { percent: 0 }));
  bar.ariaLabel = say("sending");
  show("sending", say("sending"), [], bar, percent);
  const form = new FormData();
  form.append(kind, file, kind);
  request = new XMLHttpRequest();
  request.open("POST", "/verify");
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => {
    bar.value = Math.floor(loaded / total * 100);
    percent.textContent = say("sent", { percent: bar.value });
  };
  request.upload.onload = showChecking;
  request.onerror = () => showError("lost", {}, [file, kind]);
  request.onload = ({ target }) => tell(target, file, kind);
  request.send(form);
}

/** Shows that something is going on whose end is not known. */
function showBusy(key, ...rest) {
  const bar = make("progress");
  bar.ariaLabel = say(key);
  show("checking", say(key), [], bar, ...rest);
}

function showChecking() {
  showBusy("checking", make("p", say("checking.detail")));
}

/** Checks a video of this site, whose page led here, without anybody choosing a file. */
async function takeShared(job) {
  showBusy("fetching");
  const answer = await fetch(`/v/${job}/video.mp4`).catch(() => null);
  if (!answer?.ok) return showError("gone");
  take(new File([await answer.blob()], "video.mp4"));
}

function tell({ status, response }, file, kind) {
  if (status === 200 && response) return showFound(response, file);
  if (status === 413) return showError("large", { size: number(file.size / MEGABYTE, 1), most: number(most[kind] / MEGABYTE, 1) });
  if (response?.code === "verify.undecodable") return showError("undecodable");
  showError([429, 503, 507].includes(status) ? "busy" : "failed", {}, [file, kind]);
}

function showFound(found, file) {
  const [state, sentences] = judge(found);
  if (state === "nothing" && "unseen" in shown.dataset) sentences.push(say("unseen"));
  const details = make("details");
  details.append(make("summary", say("facts")), list(listFacts(found, file)));
  if (!found.watermark_sought) sentences.push(say("unsought"));
  const signed = found.content_credentials;
  show(state, say(state), sentences, ...(signed ? [list(listSigned(signed, state === "here"))] : []), details);
}

/** Returns what kind of answer it is, and how it is explained. Only a signature proves something: marks can be copied. */
function judge({ content_credentials: signed, watermark, made_here: madeHere }) {
  if (signed?.made_here) return ["here", [say("here.detail"), say("here.valid")]];
  if (madeHere) return ["own", [say("own.detail"), say(`own.${signed ? signed.valid ? "edited" : "invalid" : "bare"}`)]];
  if (signed?.valid) return ["elsewhere", [say(`elsewhere.${signed.trusted ? "trusted" : "valid"}`), ...(watermark ? [say("marked.detail")] : [])]];
  if (watermark) return ["marked", [say("marked.detail"), ...(signed ? [say("changed.detail")] : [])]];
  return signed ? ["changed", [say("changed.detail")]] : ["nothing", [say("nothing.detail")]];
}

function listSigned({ valid, trusted, issuer, made_at: madeAt, claim_generator: tool }, isOwn) {
  const time = madeAt && new Date(madeAt).toLocaleString(language, { dateStyle: "long", timeStyle: "short" });
  return [
    ["signer", issuer ?? say("unknown")],
    ...(isOwn ? [] : [["trusted", say(trusted ? "yes" : "no")]]),
    ["made", time ? say("made.detail", { time }) : say("unknown")],
    ["tool", tool ?? say("unknown")],
    ["valid", say(valid ? "valid.yes" : "valid.no")],
  ];
}

function listFacts({ content_credentials: signed, watermark, watermark_sought: sought, made_here: madeHere }, file) {
  const percent = watermark && number(Math.floor(watermark.confidence * 1000) / 10, 1);
  return [
    ["file", `${file.name}, ${number(file.size / MEGABYTE, 1)} MB`],
    ["credentials", say(signed ? "found" : "none")],
    ["mark", watermark ? say("mark.found", { job: watermark.job, percent }) : say(sought ? "none" : "untold")],
    ["made_here", say(`made_here.${signed?.made_here ? "signed" : madeHere ? "marked" : madeHere === null ? "untold" : "elsewhere"}`)],
  ];
}

/** Returns facts as a list; what a file says of itself may be in any script, and must not turn the rest around. */
function list(facts) {
  const element = make("dl");
  for (const [key, text] of facts) {
    const value = make("dd");
    value.append(make("bdi", text));
    element.append(make("dt", say(key)), value);
  }
  return element;
}

input.addEventListener("change", () => {
  const [file] = input.files;
  input.value = "";  // so that the same file can be chosen again
  take(file);
});
for (const event of ["dragover", "drop"]) {
  document.addEventListener(event, (drag) => {
    drag.preventDefault();
    drop.classList.toggle("over", event === "dragover");
    if (event === "drop") take(drag.dataTransfer?.files[0]);
  });
}
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget ?? drop.classList.remove("over"));
const job = new URLSearchParams(location.search).get("job") ?? "";
if (/^[\w-]{22}$/.test(job)) takeShared(job);
document.addEventListener("paste", ({ clipboardData }) => take(clipboardData?.files[0]));
