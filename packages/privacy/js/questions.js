// The questions of both tests. `right` holds the letters of all right answers; two questions belong to each topic.

export const TOPICS = { recognize: "Recognizing personal information", share: "Sharing it rightly" };

const TRUTH = [["true", "True"], ["false", "False"]];

export const CHECK = [
  { id: "c-what", type: "choice", topic: "recognize", right: ["b"], text: "Which of these is personal information?",
    options: [["a", "The opening hours of your office"], ["b", "The room number of a patient, with the name of the ward"], ["c", "Last year’s total turnover"], ["d", "The recipe of today’s lunch"]] },
  { id: "c-initials", type: "true-false", topic: "recognize", right: ["false"], text: "“As long as I only write initials, nobody can be recognized.”", options: TRUTH },
  { id: "c-caller", type: "choice", topic: "share", right: ["c"], text: "A caller says that she is a client’s daughter and asks how he is. What do you do?",
    options: [["a", "Tell her: she sounds worried"], ["b", "Tell her, but only the good news"], ["c", "Say nothing about him, and ask her to call the number he has left for her"], ["d", "Ask a colleague to tell her"]] },
  { id: "c-screen", type: "choice", topic: "share", right: ["a", "c"], text: "You leave your desk for five minutes. What do you do? Two answers are right.",
    options: [["a", "Lock the screen"], ["b", "Turn the screen to the wall"], ["c", "Turn papers with names face down, or put them away"], ["d", "Leave a note saying when you will be back"]] },
];

export const FINAL = [
  { id: "f-photo", type: "choice", topic: "recognize", right: ["a", "d"], text: "You want to post a picture of the team’s cake. What must not be in it? Two answers are right.",
    options: [["a", "A whiteboard with names on it"], ["b", "The cake"], ["c", "Your own hand"], ["d", "A screen that shows a client list"]] },
  { id: "f-mosaic", type: "true-false", topic: "recognize", right: ["true"], text: "“Age, village and profession together can tell who somebody is, although no name is given.”", options: TRUTH },
  { id: "f-mail", type: "choice", topic: "share", right: ["b"], text: "You have mailed a list of names to the wrong address. What comes first?",
    options: [["a", "Delete the mail from your outbox"], ["b", "Report it at once to whoever is responsible for privacy"], ["c", "Wait whether somebody complains"], ["d", "Write to everybody on the list"]] },
  { id: "f-need", type: "choice", topic: "share", right: ["d"], text: "Who may read a client’s file?",
    options: [["a", "Everybody who works here"], ["b", "Everybody with the password"], ["c", "Whoever is curious, if they keep it to themselves"], ["d", "Those who need it for their work with this client"]] },
];
