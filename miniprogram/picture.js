// @ts-check
// The WeChat picture (头像) somebody has chosen for the own screen: a file that WeChat hands out for this visit, and a copy.

class Picture {
  /**
   * @param {string} kept the copy of an earlier visit, or empty
   * @param {() => void} changed another picture, or another copy to keep
   * @param {() => void} full there is no room for a copy
   */
  constructor(kept, changed, full) {
    /** The file to keep, or empty. */
    this.kept = isThere(kept) ? kept : '';
    /** The file to show, or empty. */
    this.shown = this.kept;
    this._changed = changed;
    this._full = full;
    /** Grows with every choice: copies may be ready in another order, or when the choice is long another. */
    this._choice = 0;
  }

  /** @param {string} file gone when the visit is over */
  choose(file) {
    this._choice += 1;
    const choice = this._choice;
    this.shown = file;
    this._changed();
    wx.getFileSystemManager().saveFile({
      tempFilePath: file,
      success: ({ savedFilePath }) => {
        if (choice !== this._choice) return forget(savedFilePath);
        this._choice += 1;
        this._keep(savedFilePath);
      },
      fail: () => choice === this._choice && this._full(),
    });
  }

  /** Back to a drawn one. */
  drop() {
    this._choice += 1;
    this._keep('');
  }

  /** @param {string} file */
  _keep(file) {
    forget(this.kept);
    this.kept = file;
    this.shown = file;
    this._changed();
  }
}

/** The room for files is small. @param {string} file empty: there is none */
function forget(file) {
  if (file !== '') wx.getFileSystemManager().removeSavedFile({ filePath: file, fail() {} });
}

/** WeChat clears files as it likes. @param {string} file */
function isThere(file) {
  if (!file) return false;
  try {
    wx.getFileSystemManager().accessSync(file);
    return true;
  } catch (error) {
    return false;
  }
}

module.exports = { Picture };
