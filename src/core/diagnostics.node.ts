import { channel } from "node:diagnostics_channel";

/** Publishes to the channel `holdfast:NAME` of node:diagnostics_channel, which costs nothing while nobody has subscribed to it. */
export function publisher(name: string): (event: object) => void {
  const events = channel(`holdfast:${name}`);
  return (event) => {
    if (events.hasSubscribers) events.publish(event);
  };
}
