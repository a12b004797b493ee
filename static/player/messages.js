/** What the player page says to the learner: its texts in English, and the message above the content. */

export const TEXTS = {
  saved: "Saved",
  sending: "Saving…",
  waiting: "Saved on this device, not yet sent",
  lost: "Not saved: this device cannot keep it, and the server cannot be reached",
  superseded: "This course was opened in another window or on another device. It goes on there.",
  take_back: "Go on here",
  unsent: "What you did is saved on this device, but not yet sent.",
  kept: "Something you did earlier on this device was overtaken by a later session elsewhere. It is kept here as evidence.",
  elsewhere: "Something you did last time is still on the device you did it on. Open this course there once to send it.",
  unreachable: "The next part cannot be opened now.",
  signed_out: "You have been signed out. Sign in again in another tab; what you do here is kept on this device.",
  retry: "Try again",
  leave: "Back to the course",
  ended: "You have reached the end.",
  suspended: "You can go on here whenever you like.",
  choose: "This course does not start by itself. Choose in the outline where to begin.",
  choose_next: "This part has ended. Choose how to go on.",
  choose_other: "Choose something else in the outline, or ask a training administrator.",
  waits: "This course does not start by itself.",
  begin: "Begin",
  again: "Begin again",
  ask: "If you cannot go on, ask a training administrator.",
  go_on: "Go on where you were",
  nothing: "Nothing in this course can be opened now. Ask a training administrator: they can help you to go on.",
};

const ID = "stoa-message";

/** Show a message above the content, with what can be done about it: [label, act], the first one before the others. */
export function show(text, ways = []) {
  hide();
  const message = document.createElement("div");
  message.id = ID;
  message.className = "alert alert-warning player-message";
  message.setAttribute("role", "alert");
  message.append(Object.assign(document.createElement("p"), { textContent: text }));
  ways.forEach(([label, act], place) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.className = place ? "btn btn-quiet" : "btn btn-primary";
    button.addEventListener("click", () => {
      hide();
      act();
    });
    message.append(button);
  });
  document.getElementById("stoa-content").before(message);
  return message;
}

/** Take the message away. */
export function hide() {
  document.getElementById(ID)?.remove();
}
