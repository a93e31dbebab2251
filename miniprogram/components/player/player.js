// @ts-check
// One player on the screen: portrait, name, figures, and the hand on the table.

Component({
  properties: {
    /** A card of a scene. */
    card: { type: Object, value: {} },
    /** Whether it is somebody else: whose hand comes from above. */
    other: { type: Boolean, value: false },
    /** One of several others: small. */
    small: { type: Boolean, value: false },
    /** Whether the hands are open. */
    open: { type: Boolean, value: false },
    /** Only the portrait and the name, before there is a table. */
    alone: { type: Boolean, value: false },
    /** A picture of one's own instead of the avatar. */
    picture: { type: String, value: '' },
  },
});
