include { staged } from './inputs'

process CALIBRATE {
    tag "${meta.id}"
    label 'scan'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(slices, stageAs: 'slices/*'), path(mapped, stageAs: 'mapped/*')
    path norm
    tuple path(atlas, stageAs: 'atlas/*'), path(atlas_names, stageAs: 'atlas_names/*')
    val args
    val code

    output:
    tuple val(meta), path("calibration/${meta.id}"), emit: calibration
    path "maps/${meta.id}/*.nii.gz", emit: maps
    path "viewer/${meta.id}/*.js", emit: viewer

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'calibrate.py' slices/${meta.id} mapped/${meta.id} ${staged('image', image)} --norm ${norm} --out calibration/${meta.id} \\
        ${atlas ? '--atlas atlas/* --atlas-names atlas_names/*' : ''} ${args}
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir -p maps/${meta.id} viewer
    mv calibration/${meta.id}/*.nii.gz maps/${meta.id}
    mv calibration/${meta.id}/viewer viewer/${meta.id}
    """

    stub:
    """
    'calibrate.py' --help > /dev/null
    mkdir -p calibration/${meta.id} maps/${meta.id} viewer/${meta.id}
    touch calibration/${meta.id}/calibration.csv maps/${meta.id}/${meta.id}_{zscore,logp,abnormal}.nii.gz
    touch viewer/${meta.id}/{zscore,abnormal}.js
    """
}
