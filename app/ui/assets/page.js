"use strict";
// What Gradio's components cannot do by themselves. The page's own HTML says what it wants in data- attributes.
const page = (() => {
  const find = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const card = () => find("#status .status");
  const fits = (media) => matchMedia(`(${media})`).matches;
  const VIDEO_INPUT = "#voice-card > input[type=file]";
  const KEPT = "video-lab-kept";
  const AGREED = "video-lab-agreed";
  const SENT = "video-lab-sent";
  const MINE = "video-lab-mine";
  const PIECES = ["#photo button", "#voice button", ".chip", "#buttons button", "#foot footer"];
  const ZOOM = [0.5, 3];
  const SHIFT = [-0.5, 0.5];
  const Media = window.MediaSource ?? window.ManagedMediaSource;  // iPhones have the second only
  const shared = {};
  let state = "";
  let told = [];
  let focused, around, words, patience, given, live;
  let heardAt = performance.now();
  let scrolledAt = 0;
  let own = [];
  let refusal = "";

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

  // What is sent has a name before the server knows of it: whoever leaves finds it by that.
  function send() {
    const token = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    own = [...own, token];
    write(SENT, [...read(SENT, []), token].slice(-8));
    prepareStage();
    return token;
  }

  function recallSent() {
    own = read(SENT, []);
    return own.join();
  }

  // All tabs share one list of videos; what Gradio keeps of it is as old as its tab.
  const mine = (history) => read(MINE, history ?? []);

  function keepMine(history) {
    write(MINE, history);
    return [];
  }

  function keepSent(history) {
    write(SENT, read(SENT, []).filter((token) => !own.includes(token)));
    return keepMine(history);
  }

  function read(key, otherwise) {
    try { return JSON.parse(localStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
  }

  function write(key, value) {
    try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* the browser keeps nothing */ }
  }

  // A tab that is loaded anew, as phones do after a while, gets photo, voice and consent back.
  function keep(...inputs) {
    sessionStorage.setItem(KEPT, JSON.stringify(inputs.map((input) => input?.path ?? input ?? "")));
    return [];
  }

  // Whoever has started a video has answered for the rest of the session.
  function hideConsent() {
    if (sessionStorage.getItem(AGREED)) document.body.dataset.agreed = "";
  }

  // What the timeline shows, or else what was asked for.
  const turns = (kept) => find("#turns .timeline")?.dataset.turns ?? kept;

  const recall = () => JSON.parse(sessionStorage.getItem(KEPT) ?? '["", "", false]');

  function showInputs() {
    show(find("#photo-card"));
    return [];
  }

  function showError() {
    const error = find(".note[data-kind=error]");
    if (error) reach(error);
    return [];
  }

  // A sentence must not lie under the buttons; what it is about comes too, if there is room.
  function reach(error) {
    const card = error.closest(".card");
    if (!card) { find("#consent input").focus(); return; }
    const [top, bottom] = [card.getBoundingClientRect().top, error.getBoundingClientRect().bottom];
    const end = find("#actions").getBoundingClientRect().top;
    if (top >= 0 && bottom < end) return;
    if (bottom - top < end - 24) scroll(card, "start"); else scroll(error, "nearest");
  }

  function show(element, lowest = innerHeight / 2) {
    const box = element.getBoundingClientRect();
    if (box.top < 0 || box.top >= lowest) scroll(element, "start");
  }

  function scroll(element, block) {
    // What is found above goes in while this scrolls; only after a jump do browsers keep their place.
    element.scrollIntoView({ behavior: fits("prefers-reduced-motion: reduce") || find("#opening") ? "instant" : "smooth", block });
  }

  // The status card: seconds tick here, and silence is noticed.
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

  // Gradio says in English that the connection is lost. The card says it better.
  function noticeLoss() {
    const toast = find(".toast-wrap");
    if (!toast?.textContent.includes("Connection to the server was lost")) return;
    toast.style.display = "none";
    for (const place of [card(), find("#actions")]) if (place) place.dataset.lost = "yes";
  }

  // Where the sign-in has ended, loading the page leads to the next one.
  const ask = window.fetch;
  window.fetch = async (...request) => {
    const answer = await ask(...request);
    if (answer.status === 401) location.reload();
    return answer;
  };

  // Gradio says in English that a file was refused. It is said where it was given.
  function noticeRefusal() {
    const toast = find(".toast-body:not([data-told])");
    const [, size, status] = toast?.textContent.match(/(maximum allowed size)|HTTP (\d+)/) ?? [];
    if (!size && !status) return;
    toast.dataset.told = "yes";
    toast.querySelector(".toast-close").click();
    refusal = size ? "413" : status;
    press(given, "complain");
  }

  // Why a file was not taken: the server's reason, or else its kind.
  function complain(notes) {
    const told = notes[refusal] ?? notes.failed;
    refusal = "";
    return told;
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
    if (state === "sending" && find("#consent :checked")) sessionStorage.setItem(AGREED, "yes");
    hideConsent();
    const told = ["h2", ".percent"].map((part) => find(`#status ${part}`)?.textContent).filter(Boolean).join(" · ");
    const listed = find(`.videos [data-job="${card()?.dataset.job}"] span`);
    if (listed && state !== "done") listed.textContent = told;
    if (!["sending", "queued", "running"].includes(state)) delete find("#result-card").dataset.busy;
    if (state === "done" && before !== "done") setTimeout(showResult, 100);
    hearLive(card()?.dataset ?? {});
  }

  // What is made of the video plays already.
  function hearLive({ job, segments = 0 }) {
    const now = Media && segments > 0 ? job : undefined;
    if (now === live) { find("#live")?.dispatchEvent(new Event("heard")); return; }
    live = now;
    hideLive();
    if (live) playLive(live, find("#live video")).catch(() => { if (live === job) hideLive(); });
  }

  function hideLive() {
    delete find("#live").dataset.on;
    find("#live video").removeAttribute("src");
    find("#live video").load();
  }

  // The segments are one stream: each is appended when the server says that there is one more.
  async function playLive(job, video) {
    const media = new Media();
    const happens = (place, event) => new Promise((go) => place.addEventListener(event, go, { once: true }));
    video.disableRemotePlayback = true;  // or else a ManagedMediaSource does not open
    video.src = URL.createObjectURL(media);
    await happens(media, "sourceopen");
    const buffer = media.addSourceBuffer('video/mp4; codecs="avc1.640028, mp4a.40.2"');
    for (let next = -1; live === job; next++) {
      while (live === job && next >= card().dataset.segments) await happens(find("#live"), "heard");
      const answer = await fetch(`/v/${job}/live/${next < 0 ? "init.mp4" : `${next}.m4s`}`);
      if (!answer.ok || live !== job) return;
      buffer.appendBuffer(await answer.arrayBuffer());
      await happens(buffer, "updateend");
      if (next === 0) find("#live").dataset.on = "";
    }
  }

  // The video's place takes its shape with the press, so that nothing moves when it comes.
  function prepareStage() {
    if (find("#crop img") && find(".voice #waveform")) find("#result-card").dataset.busy = "yes";
  }

  function shapeStage() {
    const picture = find("#crop img");
    if (picture?.naturalWidth) find("#result-card").style.setProperty("--shape", `${picture.naturalWidth} / ${picture.naturalHeight}`);
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
    const lines = all(".status, .note");
    const read = (line) => line.dataset.announce ?? line.textContent;
    told = lines.map(read);
    const news = lines.filter((line) => read(line) && !before.includes(read(line)));
    if (!news.length || find("#opening")) return;
    say(news.map(read).join(" "));
    const error = news.find((line) => line.matches(".note[data-kind=error]"));
    if (error) reach(error);
  }

  // Where what had the focus is gone, the keyboard goes on from the card around it.
  function keepFocus() {
    if (document.activeElement !== document.body || focused?.getClientRects().length !== 0) return;
    if (!around.hasAttribute("tabindex")) around.tabIndex = -1;
    around.focus({ preventScroll: true });
  }

  addEventListener("focusin", ({ target }) => {
    around = target.closest("[data-frame], .card, #actions, #library");
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

  // The frame is moved and zoomed by mouse, fingers and keys. It shows at once; then the server cuts it, and the sliders follow.
  function frame(element, trigger) {
    const pointers = new Map();
    let done;
    let begun;
    let made = "";
    let pending;

    const tile = () => element.querySelector("[data-drag]");
    const picture = () => tile().querySelector("img");
    const within = (value, [lowest, highest]) => Math.min(Math.max(value, lowest), highest);

    function change(x, y, zoom) {
      const from = Number(tile().dataset.zoom);
      draw({ x: done.x + x, y: done.y + y, zoom: within(from * done.zoom * zoom, ZOOM) / from });
    }

    function draw({ x, y, zoom }) {
      done = { x, y, zoom };
      for (const { style } of tile().querySelectorAll("img, svg")) style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    }

    // Gradio may change the tile in place or put a new one.
    function begin() {
      if (tile()?.dataset.made === made) return;
      made = tile()?.dataset.made;
      if (made) draw({ x: 0, y: 0, zoom: 1 });
      element.tabIndex = made ? 0 : -1;
      element.setAttribute("aria-label", tile()?.dataset.drag ?? element.textContent);
    }

    // The crop keeps its middle while it is zoomed.
    function tell() {
      if (!tile()) return;
      const { naturalWidth: width, naturalHeight: height } = picture();
      const scale = Math.min(tile().clientWidth / width, tile().clientHeight / height);
      const { x, y, zoom } = done;
      const shift = (from, moved, size) => within(Number(from) * zoom - moved / (size * scale), SHIFT);
      const { dataset } = tile();
      trigger({ zoom: Number(dataset.zoom) * zoom, x: shift(dataset.x, x, width), y: shift(dataset.y, y, height) });
    }

    function tellSoon() {
      clearTimeout(pending);
      pending = setTimeout(tell, 250);
    }

    // Where the fingers are together, and how far apart.
    function grip() {
      const [first, second = first] = [...pointers.values()];
      return {
        x: (first.x + second.x) / 2, y: (first.y + second.y) / 2,
        span: Math.max(Math.hypot(first.x - second.x, first.y - second.y), 1),
      };
    }

    function grasp(event) {
      if (!tile() || event.target.closest("button")) return;
      if (!pointers.size) begun = done;
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      element.setPointerCapture(event.pointerId);
    }

    function pull(event) {
      if (!pointers.has(event.pointerId) || !tile()) return;
      const before = grip();
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      const after = grip();
      change(after.x - before.x, after.y - before.y, after.span / before.span);
    }

    function release(event) {
      if (!pointers.delete(event.pointerId) || pointers.size || !tile()) return;
      const { x, y, zoom } = done;
      const isMoved = Math.hypot(x - begun.x, y - begun.y) > 2 || Math.abs(zoom / begun.zoom - 1) > 0.02;
      if (isMoved && event.type === "pointerup") tell();
      else draw(begun);  // a tap, or the page was scrolled
    }

    // A wheel that was scrolling the page goes on with that, and so does one that can zoom no further.
    function roll(event) {
      if (!tile() || (performance.now() - scrolledAt < 400 && !event.ctrlKey)) return;
      const before = done.zoom;
      change(0, 0, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : event.deltaMode ? 0.05 : 0.0015)));
      if (done.zoom === before && !event.ctrlKey) return;
      event.preventDefault();
      tellSoon();
    }

    const keys = {
      ArrowLeft: [-8, 0, 1], ArrowRight: [8, 0, 1], ArrowUp: [0, -8, 1], ArrowDown: [0, 8, 1],
      "+": [0, 0, 1.1], "=": [0, 0, 1.1], "-": [0, 0, 1 / 1.1],
    };

    function type(event) {
      if (!tile() || event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "0") reset();
      else if (keys[event.key]) { change(...keys[event.key]); tellSoon(); }
      else return;
      event.preventDefault();
    }

    const reset = () => tile() && trigger({ zoom: 1, x: 0, y: 0 });

    const listeners = {
      pointerdown: grasp, pointermove: pull, pointerup: release, pointercancel: release, wheel: roll, keydown: type, dblclick: reset,
      click: ({ target }) => target.closest("[data-reset]") && reset(),
    };
    for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener, { passive: false });
    new MutationObserver(begin).observe(element, { childList: true, subtree: true, attributeFilter: ["data-made"] });
    element.dataset.frame = "";
    element.setAttribute("role", "group");
    begin();
  }

  // Gradio builds the page piece by piece; it is shown when nothing moves any more.
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
    for (const button of all("button.label-wrap")) {
      button.setAttribute("aria-expanded", button.classList.contains("open"));
      button.querySelector(".icon")?.setAttribute("aria-hidden", "true");
    }
    for (const group of all(".chips .wrap:has(input[type=radio])")) {
      group.setAttribute("role", "radiogroup");
      const label = group.closest(".chips").querySelector("[data-testid=block-info]");
      if (label) group.setAttribute("aria-label", label.textContent.trim());
    }
    for (const buttons of all(".buttons")) buttons.toggleAttribute("data-shares", shares);
    find(VIDEO_INPUT)?.setAttribute("accept", "video/*");
    for (const heading of all("[data-sources]")) {
      const buttons = heading.closest(".own, .card").querySelectorAll(".source-selection button");
      heading.dataset.sources.split("|").forEach((name, i) => buttons[i]?.setAttribute("aria-label", name));
    }
  }

  // What Gradio says in English only, in the page's words.
  const inOwnWords = (english) => words.reduce((told, [gradios, own]) => told.replace(gradios, own), english);

  function translate() {
    words ??= Object.entries(JSON.parse(find("#words").textContent));
    for (const element of all(".block :is([aria-label], [title])")) {
      for (const name of ["aria-label", "title"]) {
        const english = element.getAttribute(name) ?? "";
        if (inOwnWords(english) !== english) element.setAttribute(name, inOwnWords(english));
      }
    }
    for (const { lastChild: text } of all("#photo .wrap, .voice .text-button, .voice title, .uploading")) {
      if (text?.nodeType !== Node.TEXT_NODE) continue;
      const told = inOwnWords(text.data.replace(/\s+/g, " "));
      if (told !== text.data) text.data = told;
    }
  }

  // Files may be dropped anywhere, several at once; one of the wrong kind is named at its widget, a video gives its sound.
  // Gradio would take no file whose kind the browser does not know, and no second voice.
  function takeFiles(event) {
    const files = [...(event.dataTransfer ?? event.target).files ?? []];
    const card = event.target.closest?.(".own, #photo-card, #voice-card");
    if (!files.length) return;
    if (event.target.matches?.(VIDEO_INPUT) || (event.type === "change" && files[0].type.startsWith(wantedBy(card)))) {
      given = card ?? find("#voice-card");
      press(given, "replace");
      return;
    }
    event.stopImmediatePropagation();
    event.preventDefault();
    for (const file of files) give(file, files.length > 1 ? null : card);
  }

  const wantedBy = (card) => card.id === "photo-card" ? "image" : "audio";

  function give(file, card, tries = 20) {
    const [kind] = file.type.split("/");
    let place = card ?? find(kind === "image" ? "#photo-card" : "#voice-card");
    if (place.id === "voice-card") place = place.querySelector(".own:has(input[type=file])") ?? place;
    const wanted = wantedBy(place);
    given = place;
    if (!["", wanted, wanted === "audio" && "video"].includes(kind)) { press(place, "complain"); return; }
    const isOwn = place.matches(".own");
    const input = (kind !== "video" || isOwn) && place.querySelector(".block input[type=file]") || !isOwn && find(VIDEO_INPUT);
    if (!input) {  // Gradio takes none where there is a voice
      for (const button of place.querySelectorAll(".icon-button-wrapper button, .source-selection > :first-child")) button.click();
      if (tries) setTimeout(give, 100, file, place, tries - 1);
      return;
    }
    const carrier = new DataTransfer();
    carrier.items.add(new File([file], file.name, { type: kind === wanted ? file.type : `${wanted}/*` }));
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // A word about the file before goes, or one about this comes.
  const press = (card, action) => card?.querySelector(`.heading [data-action=${action}]`).click();

  for (const name of ["change", "drop"]) addEventListener(name, takeFiles, true);
  addEventListener("scroll", () => { scrolledAt = performance.now(); }, { passive: true });
  addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());

  addEventListener("DOMContentLoaded", () => {
    let frame = 0;
    const tidy = () => {
      frame = 0;
      for (const task of [describe, shapeStage, translate, noticeLoss, noticeRefusal, tellNews, keepFocus, reveal]) task();
    };
    new MutationObserver((changes) => {
      frame ||= requestAnimationFrame(tidy);
      if (changes.some(isCard)) hear();
    }).observe(document.body, {
      childList: true, characterData: true, subtree: true, attributeFilter: ["class", "data-tick", "data-state"],
    });
    setInterval(() => { tick(); keepFocus(); }, 1000);
    hideConsent();
  });

  return { report, frame, keep, recall, mine, keepMine, send, recallSent, keepSent, showJob, showInputs, showError, complain, turns };
})();
