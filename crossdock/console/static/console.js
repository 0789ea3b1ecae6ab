// Reading works without this file. It shows times in the reader's zone, and lets links to Airflow leave the frame.
"use strict";
const local = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.title = moment.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
    time.textContent = local.format(moment);
  }
}
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone !== "UTC") {
  for (const head of document.querySelectorAll("th")) head.textContent = head.textContent.replace("(UTC)", `(${zone})`);
  for (const name of document.querySelectorAll(".zone")) name.textContent = zone;
}
// Airflow shows this page in a frame that may not navigate the window. A link to a run is followed by the window.
if (window.parent !== window) {
  for (const link of document.querySelectorAll("a.out")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const outside = window.parent.document.createElement("a");
      outside.href = link.href;
      outside.hidden = true;
      window.parent.document.body.append(outside);
      outside.click();
      outside.remove();
    });
  }
}
