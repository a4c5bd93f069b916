// Berth's version: that of the workspace, which all of its packages share.
import workspace from '../../../package.json' with { type: 'json' };

export const version: string = workspace.version;
