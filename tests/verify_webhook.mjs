// Reads {"secret", "headers", "body"} a line, and says "good" or why not, by the published library.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("good");
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
}
