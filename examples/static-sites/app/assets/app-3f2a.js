document.body.textContent = `You are at ${location.pathname}`;
