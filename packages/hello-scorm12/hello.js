// LMSInitialize when the page opens, LMSFinish when it closes, and nothing between.
function findApi(view) {
  try {
    for (;;) {
      if (view.API) return view.API;
      if (view.parent === view) return view.opener ? findApi(view.opener) : null;
      view = view.parent;
    }
  } catch {
    return null; // a window of somebody else
  }
}

const api = findApi(window);
if (api) {
  const begun = String(api.LMSInitialize("")) === "true";
  document.getElementById("said").textContent = begun ? "The session has begun." : "The session could not begin.";
  if (begun) addEventListener("pagehide", () => api.LMSFinish(""), { once: true });
}
