// Who speaks when in one recording: a lane for each person, with parts that are moved, cut and handed on.
const LEAST = 0.2;
const STEP = 0.1;
const PIXELS_A_SECOND = 28;
const EDGE = 24;
const LANE = 52;
const WAVE = 48;
const found = {};

export function showTurns(element, watch) {
  // Gradio may change the timeline in place.
  const begin = () => {
    const place = element.querySelector("[data-turns]:not([data-built])");
    if (!place) return;
    place.dataset.built = "";
    place.replaceChildren(place.firstElementChild.cloneNode(true));
    runTimeline(place, place.firstElementChild);
  };
  watch("value", begin);
  begin();
}

function make(tag, attributes) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

const within = (value, lowest, highest) => Math.max(lowest, Math.min(value, highest));
const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
const told = (seconds) => seconds.toLocaleString(document.documentElement.lang, digits);
const round = (seconds) => Math.round(seconds * 100) / 100;
const read = (kept) => JSON.parse(kept).map(({ speaker, start_sec, end_sec }) => ({ speaker, start: start_sec, end: end_sec }));
const write = (turns) => turns.map(({ speaker, start, end }) => ({ speaker, start_sec: round(start), end_sec: round(end) }));

function runTimeline(place, body) {
  const { src, turns: given, told: sentence, names } = place.dataset;
  const people = JSON.parse(names);
  const total = Number(place.dataset.seconds);
  const first = found[people.length + src] ??= given;
  const sound = new Audio(src);
  const find = (selector) => body.querySelector(selector);
  const [scroll, track, wave, playhead] = [".scroll", ".track", "canvas", ".playhead"].map(find);
  let turns = read(given);
  let selected = -1;
  let items = [];
  let scale = 1;
  let drag;
  let wasDragged = false;
  let stopAt = 0;

  function describe({ speaker, start, end }) {
    const values = { name: people[speaker], start: told(start), end: told(end) };
    return sentence.replace(/{(\w+)}/g, (_, name) => values[name]);
  }

  // What may be done with a part. No two ever overlap: a border that is pushed against a neighbour moves its border.
  function moveStart(index, time) {
    const [before, turn] = [turns[index - 1], turns[index]];
    turn.start = within(time, before ? Math.min(before.start + LEAST, turn.start) : 0, turn.end - LEAST);
    if (before) before.end = Math.min(before.end, turn.start);
  }

  function moveEnd(index, time) {
    const [turn, after] = [turns[index], turns[index + 1]];
    turn.end = within(time, turn.start + LEAST, after ? Math.max(after.end - LEAST, turn.end) : total);
    if (after) after.start = Math.max(after.start, turn.end);
  }

  function moveTurn(index, time) {
    const turn = turns[index];
    const length = turn.end - turn.start;
    turn.start = within(time, turns[index - 1]?.end ?? 0, (turns[index + 1]?.start ?? total) - length);
    turn.end = turn.start + length;
  }

  const handOn = (index, speaker) => { turns[index].speaker = within(speaker, 0, people.length - 1); };

  function split() {
    const { speaker, start, end } = turns[selected];
    const now = sound.currentTime;
    const middle = now > start + LEAST && now < end - LEAST ? now : (start + end) / 2;
    turns[selected].end = middle;
    turns.splice(selected += 1, 0, { speaker: (speaker + 1) % people.length, start: middle, end });
  }

  function remove() {
    turns.splice(selected, 1);
    selected = Math.min(selected, turns.length - 1);
  }

  const gaps = () => [...turns, { start: total }].map(({ start: to }, index) => [turns[index - 1]?.end ?? 0, to, index]);

  function add(time, speaker) {
    const [from, to, index] = gaps().find(([, end]) => time < end) ?? gaps().at(-1);
    const length = Math.min(1, to - from);
    selected = time < from ? index - 1 : Math.min(index, turns.length - 1);
    if (time < from || length < LEAST) return;
    const start = within(time - length / 2, from, to - length);
    turns.splice(selected = index, 0, { speaker, start, end: start + length });
  }

  function addInLargestGap() {
    const [from, to] = gaps().sort((one, other) => other[1] - other[0] - one[1] + one[0])[0];
    add((from + to) / 2, 0);
  }

  const swap = (one) => turns.forEach((turn) => {
    if (turn.speaker === one) turn.speaker += 1; else if (turn.speaker === one + 1) turn.speaker = one;
  });

  function play({ start, end }) {
    if (!sound.paused) { sound.pause(); return; }
    sound.currentTime = start;
    stopAt = end;
    sound.play().then(follow, () => undefined);
  }

  function follow() {
    if (!body.isConnected || sound.currentTime >= stopAt) sound.pause();
    const x = EDGE + sound.currentTime * scale;
    playhead.style.left = `${x}px`;
    playhead.hidden = false;
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = x - EDGE;
    if (!sound.paused) requestAnimationFrame(follow);
  }

  async function drawWave() {
    const answer = await fetch(src);
    const heard = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(await answer.arrayBuffer());
    const samples = heard.getChannelData(0);
    wave.width = Math.min(track.clientWidth - 2 * EDGE, 8000);
    const pen = wave.getContext("2d");
    pen.fillStyle = getComputedStyle(wave).color;
    for (let x = 0; x < wave.width; x += 3) {
      const [from, to] = [x, x + 3].map((at) => Math.floor(at / wave.width * samples.length));
      const height = within(samples.subarray(from, to).reduce((peak, value) => Math.max(peak, value), 0), 0.05, 1) * (WAVE - 8);
      pen.fillRect(x, (WAVE - height) / 2, 2, height);
    }
  }

  // What is seen
  function put() {
    const set = ({ style }, left, top) => Object.assign(style, { left: `${EDGE + left}px`, top: `${WAVE + top}px` });
    turns.forEach((turn, index) => {
      const { speaker, start, end } = turn;
      const { style } = items[index];
      set(items[index], start * scale, LANE * speaker + 4);
      style.width = `${(end - start) * scale}px`;
      style.setProperty("--person", `var(--person-${speaker})`);
      items[index].setAttribute("aria-label", describe(turn));
    });
    const turn = turns[selected];
    if (!turn) return;
    for (const side of ["start", "end"]) {
      const grip = find(`.grip[data-key=${side}]`);
      set(grip, turn[side] * scale - (side === "start" ? 40 : 4), LANE * turn.speaker);
      grip.setAttribute("aria-valuenow", turn[side].toFixed(1));
      grip.setAttribute("aria-valuetext", find(`[data-time=${side}]`).textContent = `${told(turn[side])} s`);
    }
    find(`[data-key="who ${turn.speaker}"]`).setAttribute("aria-pressed", true);
  }

  function render() {
    const { key } = document.activeElement.dataset;
    scale = Math.max(PIXELS_A_SECOND, (scroll.clientWidth - 2 * EDGE) / total);
    track.style.width = `${2 * EDGE + total * scale}px`;
    for (const old of track.querySelectorAll("[data-key]")) old.remove();
    items = turns.map((_, index) => make("button", { class: "turn", "data-key": `turn ${index}`, "aria-pressed": index === selected }));
    track.append(...items);
    items[selected]?.after(...["start", "end"].map((side) => make("span", {
      class: "grip", role: "slider", tabindex: 0, "data-key": side, "aria-label": find(`[data-label=${side}]`).textContent, "aria-valuemax": total,
    })));
    find(".part").hidden = selected < 0;
    for (const who of body.querySelectorAll("[data-key^=who]")) who.setAttribute("aria-pressed", false);
    for (const player of body.querySelectorAll("[data-play]")) player.setAttribute("aria-pressed", !sound.paused);
    put();
    if (key && document.activeElement === document.body) (find(`[data-key="${key}"]`) ?? items[selected])?.focus({ preventScroll: true });
  }

  function finish() {
    place.dataset.turns = JSON.stringify(write(turns));
    render();
    document.getElementById("announcer").textContent = selected < 0 ? "" : describe(turns[selected]);
  }

  const presses = {
    split, delete: remove, add: addInLargestGap,
    play: () => play(turns[selected]),
    all: () => play({ start: 0, end: total }),
    again: () => { turns = read(first); selected = -1; },
    who: (index) => handOn(selected, Number(index)),
    swap: (index) => swap(Number(index)),
    turn: (index) => { selected = Number(index); },
    start: (way, step = STEP) => moveStart(selected, turns[selected].start + (way === "less" ? -step : step)),
    end: (way, step = STEP) => moveEnd(selected, turns[selected].end + (way === "less" ? -step : step)),
  };

  body.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    const lane = event.target.closest(".lane");
    if (wasDragged) { wasDragged = false; return; }
    if (event.target === wave) { sound.pause(); play({ start: findTime(event), end: total }); }
    const [name, what] = pressed?.dataset.key.split(" ") ?? [];
    if (pressed) presses[name](what);
    else if (lane) add(findTime(event), Number(lane.dataset.lane));
    else return;
    finish();
  });

  // Mouse and fingers: a finger first chooses a part, so that the timeline can be scrolled over the others.
  const findTime = ({ clientX }) => (clientX - track.getBoundingClientRect().left - EDGE) / scale;

  track.addEventListener("pointerdown", (event) => {
    const side = event.target.closest(".grip")?.dataset.key;
    const index = side ? selected : items.indexOf(event.target.closest(".turn"));
    wasDragged = false;
    if (index < 0 || (event.pointerType === "touch" && index !== selected)) return;
    drag = { index, move: { start: moveStart, end: moveEnd }[side], event, off: findTime(event) - turns[index][side ?? "start"] };
  });

  track.addEventListener("pointermove", (event) => {
    if (!drag || (!wasDragged && Math.hypot(event.clientX - drag.event.clientX, event.clientY - drag.event.clientY) < 5)) return;
    if (!wasDragged) track.setPointerCapture(event.pointerId);
    wasDragged = true;
    (drag.move ?? moveTurn)(drag.index, findTime(event) - drag.off);
    if (!drag.move) handOn(drag.index, Math.floor((event.clientY - track.getBoundingClientRect().top - WAVE) / LANE));
    put();
  });

  for (const event of ["pointerup", "pointercancel"]) track.addEventListener(event, () => {
    if (drag && wasDragged) {
      selected = drag.index;
      finish();
    }
    drag = undefined;
  });

  const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP };

  track.addEventListener("keydown", (event) => {
    const step = steps[event.key] * (event.shiftKey ? 10 : 1);
    const index = items.indexOf(event.target);
    if (index >= 0) selected = index;
    if (index >= 0 && event.key === "Delete") remove();
    else if (!step) return;
    else if (index < 0) presses[event.target.dataset.key](step < 0 ? "less" : "more", Math.abs(step));
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") handOn(index, turns[index].speaker - Math.sign(step));
    else moveTurn(index, turns[index].start + step);
    event.preventDefault();
    finish();
  });

  for (const event of ["play", "pause"]) sound.addEventListener(event, render);
  const sized = new ResizeObserver(() => body.isConnected ? render() : sized.disconnect());
  sized.observe(scroll);
  render();
  drawWave().catch(() => undefined);  // all else is there
}
