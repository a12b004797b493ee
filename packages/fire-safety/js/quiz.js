// The five questions: what is right, where it was explained, and what a set of answers is worth.

/** `right` is one letter for a choice, "t" or "f" for a statement; `page` is where the answer was taught. */
export const QUESTIONS = [
  { id: "fire-triangle", type: "choice", right: "b", page: "triangle", topic: "What a fire needs" },
  { id: "first-action", type: "choice", right: "c", page: "discover", topic: "When you discover a fire" },
  { id: "elevator", type: "true-false", right: "f", page: "way-out", topic: "Your way out" },
  { id: "extinguisher", type: "choice", right: "d", page: "extinguishers", topic: "Which extinguisher" },
  { id: "smoke", type: "choice", right: "a", page: "smoke", topic: "Smoke" },
];

/** The score 0–100 of these answers ({question id: answer}) and which questions were wrong. */
export function grade(answers) {
  const wrong = QUESTIONS.filter((question) => answers[question.id] !== question.right);
  const score = Math.round((100 * (QUESTIONS.length - wrong.length)) / QUESTIONS.length);
  return { score, wrong };
}
