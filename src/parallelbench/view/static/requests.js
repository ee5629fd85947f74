/* Requests from the server. A refusal is an error with the server's sentence. */

export async function get(what, parameters = {}, signal) {
  let reply;
  try {
    reply = await fetch(`api/${what}?${new URLSearchParams(parameters)}`, {signal});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the explorer has ended; start it again with 'parallelbench view'.");
  }
  if (!reply.ok) throw new Error(await reply.text());
  return reply.json();
}

/* Returns a function that requests, and ends its request before. */
export function latest(what) {
  let running = new AbortController();
  return parameters => {
    running.abort();
    running = new AbortController();
    return get(what, parameters, running.signal);
  };
}
