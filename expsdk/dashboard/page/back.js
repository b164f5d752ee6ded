// The way from Optuna's page of a study to ours of the same experiment; Optuna's changes its address without loading.
document.getElementById("expsdk-back").addEventListener("click", (event) => {
  const study = /\/dashboard\/studies\/(\d+)/.exec(location.pathname);
  event.currentTarget.href = study ? `/dashboard/back/${study[1]}` : "/";
});
