"use strict";
// What Gradio's components cannot do themselves. Everything hangs on `page`.
const page = {
  // Reports presses on elements with data-action to the server.
  report(element, trigger, event) {
    element.addEventListener("click", (press) => {
      const target = press.target.closest("[data-action]");
      if (target) trigger(event, { ...target.dataset });
    });
  },
};
