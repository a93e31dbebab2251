// Toasts, modals and action sheets, as simple elements with a role.

const layer = () => document.getElementById('devtools-layer');

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function dialogs() {
  let toast = null;
  let timer;
  const hide = () => {
    clearTimeout(timer);
    toast?.remove();
    toast = null;
  };
  const show = (title, duration) => {
    hide();
    toast = element('div', { className: 'devtools-toast', role: 'status', textContent: title });
    layer().append(toast);
    if (duration) timer = setTimeout(hide, duration);
  };

  /** Asks, and gives the number of the answer. */
  const ask = (texts, answers) => new Promise((resolve) => {
    const veil = element('div', { className: 'devtools-modal' });
    const buttons = answers.map((text, index) => element('button', {
      type: 'button',
      textContent: text,
      onclick() {
        veil.remove();
        resolve(index);
      },
    }));
    const box = element('div', { role: 'dialog', ariaModal: 'true', ariaLabel: texts[0] ?? '' },
      ...texts.map((text) => element('p', { textContent: text })), element('div', {}, ...buttons));
    veil.append(box);
    layer().append(veil);
    buttons.at(-1).focus();
  });

  return {
    showToast: ({ title, duration = 1500 }) => { show(title, duration); },
    hideToast: hide,
    showLoading: ({ title }) => { show(title, 0); },
    hideLoading: hide,
    async showModal({ title = '', content = '', showCancel = true, cancelText = '取消', confirmText = '确定' }) {
      const answers = showCancel ? [cancelText, confirmText] : [confirmText];
      const confirm = await ask([title, content].filter(Boolean), answers) === answers.length - 1;
      return { confirm, cancel: !confirm };
    },
    async showActionSheet({ itemList }) {
      const tapIndex = await ask([], [...itemList, '取消']);
      if (tapIndex === itemList.length) throw 'cancel';
      return { tapIndex };
    },
  };
}
