"use strict";
// What Gradio's components cannot do by themselves. The page's own HTML says what it wants in data- attributes.
const page = (() => {
  const find = (selector) => document.querySelector(selector);
  const card = () => find("#status .status");
  const fits = (media) => matchMedia(`(${media})`).matches;
  const VIDEO_INPUT = "#voice-card > input[type=file]";
  const KEPT = "video-lab-inputs";
  const PIECES = ["#photo button", "#voice button", "#profile input", "#buttons button", "#foot footer"];
  const shared = {};
  let state = "";
  let told = [];
  let focused;
  let around;
  let words;
  let patience;
  let heardAt = performance.now();

  // A press on an element with data-action becomes an event; one with data-confirm has to be pressed twice.
  function report(element, trigger, actions) {
    element.addEventListener("click", (press) => {
      const target = press.target.closest("[data-action]");
      if (!target || !actions.includes(target.dataset.action) || !confirmed(target)) return;
      trigger(target.dataset.action, { ...target.dataset });
    });
  }

  function confirmed(target) {
    if (!target.dataset.confirm || target.dataset.sure) return true;
    const text = target.textContent;
    target.dataset.sure = "yes";
    say(target.textContent = target.dataset.confirm);
    setTimeout(() => { delete target.dataset.sure; target.textContent = text; }, 4000);
    return false;
  }

  // The job is part of the address, so that a reload or another device finds it again.
  function showJob(id) {
    const address = new URL(location.href);
    if (id) address.searchParams.set("job", id); else address.searchParams.delete("job");
    history.replaceState(null, "", address);
    if (id) show(find("#result-card"));
    return [];
  }

  // A tab that is loaded anew, as phones do after a while, gets the photo and the voice back from the server.
  function keep(...files) {
    sessionStorage.setItem(KEPT, JSON.stringify(files.map((file) => file?.path ?? "")));
    return [];
  }

  const recall = () => JSON.parse(sessionStorage.getItem(KEPT) ?? '["", ""]');

  function showInputs() {
    show(find("#photo-card"));
    return [];
  }

  function showError() {
    const error = find(".note[data-kind=error]");
    if (error) show(error.closest(".card"));
    return [];
  }

  function show(element, lowest = innerHeight / 2) {
    const box = element.getBoundingClientRect();
    if (box.top >= 0 && box.top < lowest) return;
    // What is found above goes in while this scrolls; only after a jump do browsers keep their place.
    element.scrollIntoView({ behavior: fits("prefers-reduced-motion: reduce") || find("#opening") ? "instant" : "smooth", block: "start" });
  }

  // The status card: seconds tick here, its first sentence is read out when it changes, silence is noticed.
  function tick() {
    const clock = find("#status [data-tick]");
    if (!clock) return;
    const seconds = Math.floor(Number(clock.dataset.tick) + (performance.now() - heardAt) / 1000);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (performance.now() - heardAt > 10000) comeBack();
  }

  async function comeBack() {
    card().dataset.lost = "yes";
    heardAt = performance.now() - 8000;
    try {
      const answer = await fetch("/ui/icon.svg", { cache: "no-store" });
      if (answer.ok) location.reload();
    } catch { /* not yet: the next tick tries again */ }
  }

  // Gradio says in English that the connection is lost, and reloads when it is back. The card says it better.
  function noticeLoss() {
    const toast = find(".toast-wrap");
    if (!toast?.textContent.includes("Connection to the server was lost")) return;
    toast.style.display = "none";
    for (const place of [card(), find("#actions")]) if (place) place.dataset.lost = "yes";
  }

  // Gradio may change the card in place or put a new one; the ticking seconds are our own and do not count.
  function isCard(change) {
    if (change.type === "attributes") return change.attributeName !== "class" && change.target.closest("#status");
    return [...change.addedNodes].some((node) => node.matches?.(".status"));
  }

  function hear() {
    heardAt = performance.now();
    document.title = [find("#status .percent")?.textContent, find(".brand").textContent].filter(Boolean).join(" · ");
    const before = state;
    state = card()?.dataset.state ?? "";
    if (state === "done" && before !== "done") setTimeout(showResult, 100);
  }

  // On a phone the video with its buttons fills the screen, unless it is made while something else is looked at.
  function showResult() {
    const box = find("#result-card").getBoundingClientRect();
    if (box.top < innerHeight && box.bottom > 0) show(find("#result-card"), fits("max-width: 700px") ? 60 : innerHeight / 2);
  }

  // What has changed is read out, once.
  const say = (text) => { find("#announcer").textContent = text; };

  function tellNews() {
    const before = told;
    told = [...document.querySelectorAll(".status, .note")].map((line) => line.dataset.announce ?? line.textContent);
    const news = told.filter((line) => line && !before.includes(line));
    if (news.length && !find("#opening")) say(news.join(" "));
  }

  // Where what had the focus is gone, the keyboard goes on from the card around it.
  function keepFocus() {
    if (document.activeElement !== document.body || focused?.getClientRects().length !== 0) return;
    around.tabIndex = -1;
    around.focus({ preventScroll: true });
  }

  addEventListener("focusin", ({ target }) => {
    around = target.closest(".card, #actions, #library");
    focused = around && target;
  });

  // Buttons that need no server.
  function answer(button, text) {
    button.dataset.text ??= button.textContent;
    say(button.textContent = text);
    setTimeout(() => { button.textContent = button.dataset.text; }, 2500);
  }

  async function copy(button) {
    // Browsers let only encrypted pages copy.
    if (!navigator.clipboard) { prompt(button.textContent, button.dataset.copy); return; }
    await navigator.clipboard.writeText(button.dataset.copy);
    answer(button, button.dataset.done);
  }

  // The video itself, not a link to it: the sheet of a phone saves it among the photos or hands it to another app.
  const shares = fits("pointer: coarse")
    && !!navigator.canShare?.({ files: [new File(["."], "a.mp4", { type: "video/mp4" })] });

  async function share(button) {
    shared[button.dataset.share] ??= fetchVideo(button.dataset.share);
    try {
      await navigator.share({ files: [await shared[button.dataset.share]] });
    } catch (error) {
      // A press counts for a few seconds only; the next one finds the file here.
      if (error.name === "NotAllowedError") answer(button, button.dataset.again);
      else if (error.name !== "AbortError") location.href = `${button.dataset.share}?download`;
    }
  }

  async function fetchVideo(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    return new File([await answer.blob()], `talking-${address.split("/")[2].slice(0, 6)}.mp4`, { type: "video/mp4" });
  }

  document.addEventListener("click", (press) => {
    const button = press.target.closest("[data-copy]");
    if (button) copy(button);
    const sharing = press.target.closest("[data-share]");
    if (sharing) share(sharing);
    const language = press.target.closest(".languages a");
    const job = new URL(location.href).searchParams.get("job");
    if (language && job) language.search = `?lang=${language.lang}&job=${job}`;
  });

  // The frame of the video is moved by dragging; the sliders do the same with the keyboard.
  document.addEventListener("pointerdown", (press) => {
    const tile = press.target.closest("[data-drag]");
    if (!tile) return;
    const picture = tile.querySelector("img");
    const scale = Math.min(tile.clientWidth / picture.naturalWidth, tile.clientHeight / picture.naturalHeight);
    const size = { x: picture.naturalWidth * scale, y: picture.naturalHeight * scale };
    const moved = { x: 0, y: 0 };
    tile.setPointerCapture(press.pointerId);
    tile.onpointermove = (move) => {
      moved.x = move.clientX - press.clientX;
      moved.y = move.clientY - press.clientY;
      picture.style.transform = `translate(${moved.x}px, ${moved.y}px)`;
    };
    tile.onpointerup = tile.onpointercancel = () => {
      tile.onpointermove = null;
      if (Math.abs(moved.x) > 2) slide("#shift-x", -moved.x / size.x);
      if (Math.abs(moved.y) > 2) slide("#shift-y", -moved.y / size.y);
    };
  });

  function slide(selector, change) {
    const input = find(`${selector} input[type=range]`);
    if (!input) return;
    input.value = Number(input.value) + change;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Gradio builds the page piece by piece; it is shown when it stands, so that nothing moves under a finger.
  function reveal() {
    const opening = find("#opening");
    if (!opening || !find(".gradio-container")) return;
    if (PIECES.every((piece) => find(piece)) && isTold()) opening.remove();
    else patience ??= setTimeout(() => opening.remove(), 10000);
  }

  // Whoever comes for a job sees it first.
  const isTold = () => !new URL(location.href).searchParams.get("job") || card()?.dataset.state !== "idle";

  // What Gradio leaves out for those who cannot see it.
  function describe() {
    for (const button of document.querySelectorAll("button.label-wrap")) {
      button.setAttribute("aria-expanded", button.classList.contains("open"));
      button.querySelector(".icon")?.setAttribute("aria-hidden", "true");
    }
    for (const group of document.querySelectorAll(".chips .wrap:has(input[type=radio])")) {
      group.setAttribute("role", "radiogroup");
      const label = group.closest(".chips").querySelector("[data-testid=block-info]");
      if (label) group.setAttribute("aria-label", label.textContent.trim());
    }
    find(".buttons")?.toggleAttribute("data-shares", shares);
    find(VIDEO_INPUT)?.setAttribute("accept", "video/*");
    for (const heading of document.querySelectorAll("[data-sources]")) {
      const buttons = heading.closest(".card").querySelectorAll(".source-selection button");
      heading.dataset.sources.split("|").forEach((name, i) => buttons[i]?.setAttribute("aria-label", name));
    }
  }

  // What Gradio says in English only, in the page's words.
  const inOwnWords = (english) => words.reduce((told, [gradios, own]) => told.replace(gradios, own), english);

  function translate() {
    words ??= Object.entries(JSON.parse(find("#words").textContent));
    for (const element of document.querySelectorAll(".block :is([aria-label], [title])")) {
      for (const name of ["aria-label", "title"]) {
        const english = element.getAttribute(name) ?? "";
        if (inOwnWords(english) !== english) element.setAttribute(name, inOwnWords(english));
      }
    }
    for (const { lastChild: text } of document.querySelectorAll("#photo .wrap, #voice .text-button, #voice title, .uploading")) {
      if (text?.nodeType !== Node.TEXT_NODE) continue;
      const told = inOwnWords(text.data.replace(/\s+/g, " "));
      if (told !== text.data) text.data = told;
    }
  }

  // Files may be dropped anywhere, several at once; one of the wrong kind is named at its widget, a video gives its sound.
  // Gradio would take no file whose kind the browser does not know, and no second voice.
  function takeFiles(event) {
    const files = [...(event.dataTransfer ?? event.target).files ?? []];
    const card = event.target.closest?.("#photo-card, #voice-card");
    if (!files.length || event.target.matches?.(VIDEO_INPUT)) return;
    if (event.type === "change" && files[0].type.startsWith(wantedBy(card))) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    for (const file of files) give(file, files.length > 1 ? null : card);
  }

  const wantedBy = (card) => card.id === "photo-card" ? "image" : "audio";

  function give(file, card) {
    const [kind] = file.type.split("/");
    const place = card ?? find(kind === "image" ? "#photo-card" : "#voice-card");
    const wanted = wantedBy(place);
    if (!["", wanted, wanted === "audio" && "video"].includes(kind)) { complain(place); return; }
    const input = kind !== "video" && place.querySelector(".block input[type=file]") || find(VIDEO_INPUT);
    const carrier = new DataTransfer();
    carrier.items.add(new File([file], file.name, { type: kind === wanted ? file.type : `${wanted}/*` }));
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function complain(card) {
    const sentence = card.querySelector("[data-wrong-kind]").dataset.wrongKind;
    card.querySelector("[id$=-note] .html-container > div").innerHTML = `<p class="note" data-kind="error">${sentence}</p>`;
  }

  for (const name of ["change", "drop"]) addEventListener(name, takeFiles, true);
  addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());

  addEventListener("DOMContentLoaded", () => {
    let frame = 0;
    const tidy = () => {
      frame = 0;
      for (const task of [describe, translate, noticeLoss, tellNews, keepFocus, reveal]) task();
    };
    new MutationObserver((changes) => {
      frame ||= requestAnimationFrame(tidy);
      if (changes.some(isCard)) hear();
    }).observe(document.body, {
      childList: true, characterData: true, subtree: true, attributeFilter: ["class", "data-tick", "data-state"],
    });
    setInterval(tick, 1000);
  });

  return { report, keep, recall, showJob, showInputs, showError };
})();
